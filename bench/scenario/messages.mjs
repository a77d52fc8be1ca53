import { grantCredit, takeCredit } from "../harness/credit.mjs";
import { message } from "../harness/payload.mjs";

const BATCH = 250;
const GRANT_EVERY = 5_000;
const GRANTS_AHEAD = 4;

/** One-way messages: the sender pours them in batches, the receiver decodes and counts them. */
const roles = {
  server: {
    core: 1,
    async open({ peer, given, recorder }) {
      const credit = await grantCredit();
      const { value: expected } = message(0);
      const onMessage = (value) => {
        if (value.value !== expected) throw new Error(`not what was sent: ${JSON.stringify(value)}`);
        recorder.count += 1;
        if (recorder.count % GRANT_EVERY === 0) credit.grant();
      };
      const address = await peer.serve(onMessage, given.broker);
      return { ready: { address, creditPort: credit.creditPort } };
    },
  },
  client: {
    core: 0,
    async open({ peer, given }) {
      const { sendMany } = await peer.connect(given.address);
      const credit = await takeCredit(given.creditPort, GRANTS_AHEAD);
      return { run: () => void pour(sendMany, credit) };
    },
  },
};

async function pour(sendMany, credit) {
  const values = Array.from({ length: BATCH }, (_, n) => message(n));
  for (let sent = BATCH; ; sent += BATCH) {
    await sendMany(values);
    if (sent % GRANT_EVERY === 0) {
      credit.spend();
      await credit.room();
    }
  }
}

export const scenarios = [
  {
    name: "one-way",
    title: "one-way messages",
    unit: "/s",
    kind: "messages",
    roles,
    counts: "server",
    peers: ["raw", "connector", "nats", "zeromq", "ws", "redis", "socket.io", "grpc-js"],
    goals: { nats: 5, ws: 9 },
  },
  {
    name: "one-way-tls",
    title: "one-way messages over TLS",
    unit: "/s",
    kind: "messages",
    roles,
    counts: "server",
    peers: ["connector", "connector over tls", "connector over unix"],
    ours: "connector over tls",
    goals: { connector: 0.8 },
  },
];
