import { eachFrame, frameOf } from "./frames.mjs";
import { listen, open } from "./socket.mjs";

const FRAME = frameOf(32);

/** The limit: 32 bytes there and back. */
export async function serve() {
  const { address } = await listen((socket) => eachFrame(socket, () => socket.write(FRAME)));
  return address;
}

export async function connect(address) {
  const socket = await open(address);
  let answered;
  eachFrame(socket, () => answered());
  return {
    call(value) {
      socket.write(FRAME);
      return new Promise((resolve) => (answered = () => resolve(value)));
    },
  };
}
