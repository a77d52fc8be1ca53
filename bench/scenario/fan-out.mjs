import { grantCredit, takeCredit } from "../harness/credit.mjs";
import { message } from "../harness/payload.mjs";

const GRANT_EVERY_DELIVERIES = 10_000;
const GRANTS_AHEAD = 4;

const grantEvery = ({ clients }) => GRANT_EVERY_DELIVERIES / clients;

/**
 * One process writes, another holds all clients, and a delivery is a decoded value in a client's hands. Each write of a
 * turn has its own key, so that a dict has nothing to merge.
 */
const roles = {
  server: {
    core: 1,
    async open({ peer, given, options }) {
      const { address, write } = await peer.serve(given.broker);
      const run = async ({ creditPort }) => {
        const credit = await takeCredit(creditPort, GRANTS_AHEAD);
        let seq = 0;
        const turn = async () => {
          for (let n = 0; n < options.writesPerTurn; n++) {
            write(`key-${n}`, message(seq++));
            if (seq % grantEvery(options) === 0) credit.spend();
          }
          await credit.room();
          setImmediate(turn);
        };
        await turn();
      };
      return { ready: { address }, run };
    },
  },
  client: {
    core: 0,
    async open({ peer, given, recorder, options }) {
      const credit = await grantCredit();
      const every = grantEvery(options);
      let granted = 0;
      const onValue = (value) => {
        if (!(value.seq >= 0)) throw new Error(`not a delivery: ${JSON.stringify(value)}`);
        recorder.count += 1;
      };
      const onLastClientsValue = (value) => {
        onValue(value);
        for (; granted < Math.floor((value.seq + 1) / every); granted++) credit.grant();
      };
      for (let n = 1; n < options.clients; n++) await peer.connect(given.address, onValue);
      await peer.connect(given.address, onLastClientsValue);
      return { ready: { creditPort: credit.creditPort } };
    },
  },
};

const fanOut = (clients, writesPerTurn, peers, goals) => ({
  name: `fan-out-${clients}-${writesPerTurn}`,
  title: `fan-out to ${clients}, ${writesPerTurn === 1 ? "one write" : `${writesPerTurn} writes`} a turn, deliveries`,
  unit: "/s",
  kind: "fan-out",
  roles,
  counts: "client",
  options: { clients, writesPerTurn },
  peers,
  goals,
});

const brokers = ["connector", "nats", "redis", "socket.io", "ws"];

export const scenarios = [
  fanOut(10, 10, brokers, {}),
  fanOut(100, 10, [...brokers, "zeromq"], { nats: 2.5, "socket.io": 7 }),
  fanOut(500, 10, brokers, { nats: 2.5, "socket.io": 7 }),
  fanOut(10, 1, ["connector", "ws"], {}),
  fanOut(100, 1, ["raw", "connector", "ws", "socket.io"], { ws: 1.3 }),
  fanOut(500, 1, ["connector", "ws"], {}),
];
