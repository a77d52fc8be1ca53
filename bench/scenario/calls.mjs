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
      return { run: () => (options.inFlight === 1 ? oneAtATime(call, recorder) : manyAtOnce(call, recorder, options)) };
    },
  },
};

function oneAtATime(call, recorder) {
  const loop = async () => {
    for (let id = 0; ; id++) {
      const before = microseconds();
      await call(smallObject(id));
      recorder.add(microseconds() - before);
    }
  };
  void loop();
}

function manyAtOnce(call, recorder, { inFlight }) {
  const loop = async () => {
    for (;;) {
      await call(smallObject(recorder.count));
      recorder.count += 1;
    }
  };
  for (let n = 0; n < inFlight; n++) void loop();
}

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
  {
    ...calls,
    name: "calls-64",
    title: "calls, 64 in flight",
    unit: "/s",
    options: { inFlight: 64 },
    peers: ["connector", "ws", "birpc", "socket.io", "zeromq", "capnweb"],
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
];
