import { once } from "node:events";
import { connect, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { microseconds } from "../harness/payload.mjs";

const server = { core: 1, open: async ({ peer }) => ({ ready: { address: (await peer.serve()).address } }) };

/** Between client and server: what is cut is gone without a word, on both sides. */
async function cuttable(address) {
  const { hostname, port } = new URL(address);
  const sockets = new Set();
  const proxy = createServer((inbound) => {
    const outbound = connect({ host: hostname, port });
    for (const socket of [inbound, outbound]) {
      sockets.add(socket.setNoDelay(true));
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    inbound.pipe(outbound).pipe(inbound);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return { address: `connector://127.0.0.1:${proxy.address().port}`, cut };
}

const cutAgainAndAgain = {
  core: 0,
  async open({ peer, given, recorder }) {
    const proxy = await cuttable(given.address);
    const link = await peer.connect(proxy.address);
    const loop = async () => {
      for (;;) {
        const resumed = link.resumed();
        const before = microseconds();
        proxy.cut();
        await resumed;
        recorder.add(microseconds() - before);
      }
    };
    return { run: () => void loop() };
  },
};

const ATTACKERS = 200;

/** Knows an id that the server does not, or none at all: each attempt costs the server a handshake. */
const stranger = {
  core: 0,
  async open({ given, recorder }) {
    const { hostname, port } = new URL(given.address);
    const psk = Buffer.alloc(32, 1);
    const attempt = () =>
      new Promise((resolve) => {
        connectTls({
          host: hostname,
          port,
          minVersion: "TLSv1.3",
          ciphers: "TLS_AES_128_GCM_SHA256",
          ALPNProtocols: ["connector/1"],
          pskCallback: () => ({ identity: "c1.AAAAAAAAAAAA", psk }),
          checkServerIdentity: () => new Error("no proof"),
        })
          .on("error", () => {})
          .on("close", resolve);
      });
    const loop = async () => {
      for (;;) {
        await attempt();
        recorder.count += 1;
      }
    };
    return {
      run() {
        for (let n = 0; n < ATTACKERS; n++) void loop();
      },
    };
  },
};

export const scenarios = [
  {
    name: "resume",
    title: "link cut until resumed, p50",
    unit: "us",
    kind: "link",
    onOneCore: true,
    roles: { server, client: cutAgainAndAgain },
    counts: "client",
    peers: ["connector", "connector over tls"],
    goals: {},
  },
  {
    name: "strangers",
    title: `attempts without the key, ${ATTACKERS} at once`,
    unit: "/s",
    kind: "link",
    roles: { server, stranger },
    counts: "stranger",
    peers: ["connector over tls"],
    ours: "connector over tls",
    goals: {},
  },
];
