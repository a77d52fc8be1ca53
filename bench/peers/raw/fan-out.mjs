import { eachFrame, frameOf } from "./frames.mjs";
import { listen, open } from "./socket.mjs";

const FRAME = frameOf(100);

/** The limit: one `write` of the same bytes to each socket. */
export async function serve() {
  const sockets = new Set();
  const { address } = await listen((socket) => sockets.add(socket));
  return {
    address,
    write() {
      for (const socket of sockets) socket.write(FRAME);
    },
  };
}

export async function connect(address, onValue) {
  let seq = 0;
  eachFrame(await open(address), () => onValue({ seq: seq++ }));
}
