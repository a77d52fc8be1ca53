import { setTimeout as sleep } from "node:timers/promises";
import { microseconds } from "../harness/payload.mjs";

const CONNECTING_AT_ONCE = 50;

const server = { core: 1, open: async ({ peer }) => ({ ready: { address: (await peer.serve()).address } }) };

const oneConnectAfterAnother = {
  core: 0,
  open: async ({ peer, given, recorder }) => ({
    run() {
      const loop = async () => {
        for (;;) {
          const before = microseconds();
          const link = await peer.connect(given.address);
          recorder.add(microseconds() - before);
          await link.close();
        }
      };
      void loop();
    },
  }),
};

const hostOfIdleClients = {
  core: 1,
  async open({ peer }) {
    const { address, size } = await peer.serve();
    return { ready: { address }, mark: () => ({ open: size(), heapBytes: settledHeapBytes() }) };
  },
};

function settledHeapBytes() {
  for (let n = 0; n < 3; n++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

const idleClients = {
  core: 0,
  open: async ({ peer, given, options }) => ({
    async run() {
      const kept = [];
      while (kept.length < options.clients) {
        const batch = Array.from({ length: CONNECTING_AT_ONCE }, () => peer.connect(given.address));
        kept.push(...(await Promise.all(batch)));
      }
      await sleep(options.stayMs);
    },
  }),
};

/** Two marks of the server, before the clients and after: what lies between them is theirs. */
async function driveIdle({ server, client }, given, { options }) {
  const before = await server.ask("mark");
  await client.ask("run", given);
  const after = await server.ask("mark");
  if (after.open !== options.clients) throw new Error(`${after.open} of ${options.clients} clients are left`);
  return { value: (after.heapBytes - before.heapBytes) / 1024 / options.clients };
}

const idle = {
  kind: "link",
  unit: "KiB",
  roles: { server: hostOfIdleClients, client: idleClients },
  execArgv: ["--expose-gc"],
  drive: driveIdle,
  peers: ["raw", "connector", "ws", "socket.io"],
  goals: { connector: 12 },
};

export const scenarios = [
  {
    name: "connect",
    title: "connect until usable, p50",
    unit: "us",
    kind: "link",
    onOneCore: true,
    roles: { server, client: oneConnectAfterAnother },
    counts: "client",
    peers: ["raw", "raw over tls", "connector", "connector over tls", "connector over unix", "ws", "socket.io"],
    goals: {},
  },
  {
    ...idle,
    name: "idle-1000",
    title: "idle client on the server, heap (1000 of them)",
    options: { clients: 1000, stayMs: 200 },
  },
  {
    ...idle,
    name: "idle-10000",
    title: "idle client on the server, heap (10 000 connect and stay 20 s)",
    options: { clients: 10_000, stayMs: 20_000 },
    rounds: 1,
    onlyWhenAsked: true,
  },
];
