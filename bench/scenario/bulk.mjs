import { microseconds, smallObject } from "../harness/payload.mjs";

const PIECE_BYTES = 1024 * 1024;

/** The client streams bytes without end; beside them, on the same link, it calls, one call at a time. */
const roles = {
  server: {
    core: 1,
    async open({ peer, recorder }) {
      const address = await peer.serve((bytes) => {
        recorder.count += bytes / 1e6;
      });
      return { ready: { address } };
    },
  },
  client: {
    core: 0,
    async open({ peer, given, recorder, options }) {
      const { call, send } = await peer.connect(given.address);
      return {
        run() {
          void stream(send);
          if (options.calls) void callOneByOne(call, recorder);
        },
      };
    },
  },
};

async function stream(send) {
  const piece = new Uint8Array(PIECE_BYTES).fill(7);
  for (;;) await send(piece);
}

async function callOneByOne(call, recorder) {
  for (let id = 0; ; id++) {
    const before = microseconds();
    const answer = await call(smallObject(id));
    recorder.add(microseconds() - before);
    if (answer.id !== id) throw new Error(`call ${id} was answered with ${JSON.stringify(answer)}`);
  }
}

const NAMES = { tls: "TLS", unix: "a Unix socket" };
const bulk = { kind: "bulk", roles, goals: {} };

export const scenarios = Object.entries(NAMES).flatMap(([link, name]) => {
  const ours = `connector over ${link}`;
  return [
    {
      ...bulk,
      name: `bulk-${link}`,
      title: `bulk bytes over ${name}`,
      unit: "MB/s",
      counts: "server",
      peers: [ours],
      ours,
      options: { calls: false },
    },
    ...["p50", "p99"].map((quantile) => ({
      ...bulk,
      name: `call-beside-bulk-${link}-${quantile}`,
      title: `a call while bulk bytes stream over ${name}, ${quantile}`,
      unit: "us",
      counts: "client",
      quantile,
      peers: [ours],
      ours,
      options: { calls: true },
    })),
  ];
});
