import { grantCredit, takeCredit } from "../harness/credit.mjs";
import { message, microseconds } from "../harness/payload.mjs";

const BATCH = 250;
const LANES = 4;
/** More keys than writes on their way: no write overtakes an older one on its key. */
const KEYS = 4 * LANES * BATCH;
const GRANTS_AHEAD = 4;

const server = { core: 1, open: async ({ peer }) => ({ ready: { address: await peer.serve() } }) };

/** The other client: its grants tell the writer, outside of the peer, how far it has seen. */
const reader = (grantEvery) => ({
  core: 1,
  async open({ peer, given, recorder }) {
    const credit = await grantCredit();
    const { watch } = await peer.connect(given.address);
    await watch((value) => {
      recorder.add(microseconds() - value.at);
      if (!(value.seq >= 0)) throw new Error(`not what was written: ${JSON.stringify(value)}`);
      if (recorder.count % grantEvery === 0) credit.grant();
    });
    return { ready: { creditPort: credit.creditPort } };
  },
});

const writer = (allowed, write) => ({
  core: 0,
  async open({ peer, given }) {
    const { setMany } = await peer.connect(given.address);
    const credit = await takeCredit(given.creditPort, allowed);
    return { run: () => write(setMany, credit) };
  },
});

function writeOneAtATime(setMany, credit) {
  const loop = async () => {
    for (let seq = 0; ; seq++) {
      credit.spend();
      await setMany([["key", message(seq, microseconds())]]);
      await credit.room();
    }
  };
  void loop();
}

function writeBatches(setMany, credit) {
  let seq = 0;
  const lane = async () => {
    for (;;) {
      const entries = [];
      for (let n = 0; n < BATCH; n++) entries.push([`key-${seq % KEYS}`, message(seq++)]);
      credit.spend();
      await setMany(entries);
      await credit.room();
    }
  };
  for (let n = 0; n < LANES; n++) void lane();
}

const dict = { kind: "dict", counts: "reader", peers: ["connector", "redis", "socket.io", "nats"] };

export const scenarios = [
  {
    ...dict,
    name: "dict-1",
    title: "dict write until visible at another client, p50",
    unit: "us",
    onOneCore: true,
    roles: { server, reader: reader(1), writer: writer(1, writeOneAtATime) },
    goals: { redis: 0.75 },
  },
  {
    ...dict,
    name: "dict-writes",
    title: "dict writes seen by another client",
    unit: "/s",
    roles: { server, reader: reader(BATCH), writer: writer(LANES * GRANTS_AHEAD, writeBatches) },
    goals: { redis: 9 },
  },
];
