import { microseconds, smallObject } from "../harness/payload.mjs";

/** The client calls, the server answers with what it got. */
const roles = {
  server: {
    core: 1,
    open: async ({ peer, given }) => ({ ready: { address: await peer.serve(given.broker) } }),
  },
  client: {
    core: 0,
    async open({ peer, given, recorder, options }) {
      const { call } = await peer.connect(given.address);
      return {
        run: () =>
          options.inFlight === 1 ? oneAtATime(call, recorder) : manyAtOnce(call, recorder, options),
      };
    },
  },
};

function oneAtATime(call, recorder) {
  const loop = async () => {
    for (let id = 0; ; id++) {
      const before = microseconds();
      const answer = await call(smallObject(id));
      recorder.add(microseconds() - before);
      mustBe(id, answer);
    }
  };
  void loop();
}

function manyAtOnce(call, recorder, { inFlight }) {
  let nextId = 0;
  const loop = async () => {
    for (;;) {
      const id = nextId++;
      mustBe(id, await call(smallObject(id)));
      recorder.count += 1;
    }
  };
  for (let n = 0; n < inFlight; n++) void loop();
}

function mustBe(id, answer) {
  if (answer.id !== id) throw new Error(`call ${id} was answered with ${JSON.stringify(answer)}`);
}

const NAMES = { tls: "TLS", unix: "a Unix socket" };

const calls = { kind: "calls", roles, counts: "client" };

export const scenarios = [
  {
    ...calls,
    name: "calls-1",
    title: "calls, one at a time, p50",
    unit: "us",
    onOneCore: true,
    options: { inFlight: 1 },
    peers: ["raw", "connector", "ws", "birpc", "socket.io", "zeromq", "capnweb", "nats", "grpc-js"],
    goals: { raw: 1.3 },
  },
  ...["tls", "unix"].map((link) => ({
    ...calls,
    name: `calls-1-${link}`,
    title: `calls over ${NAMES[link]}, one at a time, p50`,
    unit: "us",
    onOneCore: true,
    options: { inFlight: 1 },
    peers: [`raw over ${link}`, `connector over ${link}`],
    ours: `connector over ${link}`,
    goals: { [`raw over ${link}`]: 1.3 },
  })),
  {
    ...calls,
    name: "calls-64",
    title: "calls, 64 in flight",
    unit: "/s",
    options: { inFlight: 64 },
    peers: ["connector", "ws", "birpc", "socket.io"],
    goals: { ws: 3, "socket.io": 4 },
  },
  {
    ...calls,
    name: "calls-1000",
    title: "calls, 1000 in flight",
    unit: "/s",
    options: { inFlight: 1000 },
    peers: ["connector", "ws", "birpc", "socket.io", "zeromq", "nats", "capnweb", "grpc-js"],
    goals: { ws: 7, "socket.io": 9, "grpc-js": 120 },
  },
  {
    ...calls,
    name: "calls-1000-tls",
    title: "calls over TLS, 1000 in flight",
    unit: "/s",
    options: { inFlight: 1000 },
    peers: ["connector", "connector over tls", "connector over unix"],
    ours: "connector over tls",
    goals: { connector: 0.8 },
  },
];
