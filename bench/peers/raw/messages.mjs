import { once } from "node:events";
import { message } from "../../harness/payload.mjs";
import { eachFrame, frameOf } from "./frames.mjs";
import { listen, open } from "./socket.mjs";

const VALUE = message(0);

/** The limit: frames of 100 bytes, 250 to a write, nothing encoded. */
export async function serve(onMessage) {
  const { address } = await listen((socket) => eachFrame(socket, () => onMessage(VALUE)));
  return address;
}

export async function connect(address) {
  const socket = await open(address);
  let batch = Buffer.alloc(0);
  return {
    async sendMany(values) {
      if (batch.length === 0) batch = Buffer.concat(values.map(() => frameOf(100)));
      if (!socket.write(batch)) await once(socket, "drain");
      else await new Promise(setImmediate);
    },
  };
}
