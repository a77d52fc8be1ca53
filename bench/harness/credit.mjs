import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * The same brake for every peer: the receiving process tells the sending one, over a socket of the bench's own, how far
 * it has come. Without it a broker would only pile up what the sender pours in.
 */
export async function grantCredit() {
  const server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  let sender;
  server.on("connection", (socket) => {
    sender = socket;
  });
  return {
    creditPort: server.address().port,
    grant() {
      sender?.write("+");
    },
  };
}

/** The sender's half: `room()` waits while `allowed` grants' worth of work is on its way. */
export async function takeCredit(creditPort, allowed) {
  const socket = connect({ host: "127.0.0.1", port: creditPort, noDelay: true });
  await once(socket, "connect");
  let inFlight = 0;
  const waiting = [];
  socket.on("data", (grants) => {
    inFlight -= grants.length;
    for (const wake of waiting.splice(0)) wake();
  });
  return {
    spend() {
      inFlight += 1;
    },
    async room() {
      while (inFlight >= allowed) await new Promise((resolve) => waiting.push(resolve));
    },
  };
}
