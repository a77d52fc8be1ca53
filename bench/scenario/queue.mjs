import { grantCredit, takeCredit } from "../harness/credit.mjs";
import { message, microseconds } from "../harness/payload.mjs";

const BATCH = 250;
const LANES = 4;
const GRANTS_AHEAD = 8;
const GETS_WAITING = 1000;

const server = { core: 1, open: async ({ peer }) => ({ ready: { address: await peer.serve() } }) };

/** @param waiting - how many gets wait at a time, where the peer has such a thing */
const consumer = (waiting, grantEvery) => ({
  core: 1,
  async open({ peer, given, recorder }) {
    const credit = await grantCredit();
    const { consume, address } = await peer.connect(given.address);
    await consume((item) => {
      recorder.add(microseconds() - item.at);
      if (!(item.seq >= 0)) throw new Error(`not what was put: ${JSON.stringify(item)}`);
      if (recorder.count % grantEvery === 0) credit.grant();
    }, waiting);
    return { ready: { creditPort: credit.creditPort, ...(address && { address }) } };
  },
});

const producer = (allowed, produce) => ({
  core: 0,
  async open({ peer, given }) {
    const { putMany } = await peer.connect(given.address);
    const credit = await takeCredit(given.creditPort, allowed);
    return { run: () => produce(putMany, credit) };
  },
});

function putOneAtATime(putMany, credit) {
  const loop = async () => {
    for (let seq = 0; ; seq++) {
      credit.spend();
      await putMany([message(seq, microseconds())]);
      await credit.room();
    }
  };
  void loop();
}

function putBatches(putMany, credit) {
  const values = Array.from({ length: BATCH }, (_, n) => message(n));
  const lane = async () => {
    for (;;) {
      credit.spend();
      await putMany(values);
      await credit.room();
    }
  };
  for (let n = 0; n < LANES; n++) void lane();
}

/** Measured: Redis needs 2 s until its one-at-a-time latency stands still (105 us after 1 s, 78 after 2 and 76 after 5). */
const queue = {
  kind: "queue",
  leastWarmMs: 2000,
  counts: "consumer",
  peers: ["connector", "redis", "zeromq", "nats"],
};

export const scenarios = [
  {
    ...queue,
    name: "queue-1",
    title: "queue put to get, one at a time, p50",
    unit: "us",
    onOneCore: true,
    roles: { server, consumer: consumer(1, 1), producer: producer(1, putOneAtATime) },
    goals: { redis: 0.85 },
  },
  {
    ...queue,
    name: "queue-items",
    title: "queue put to get, items",
    unit: "/s",
    roles: { server, consumer: consumer(GETS_WAITING, BATCH), producer: producer(GRANTS_AHEAD, putBatches) },
    goals: { redis: 2.5 },
  },
];
