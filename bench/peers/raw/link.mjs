import { once } from "node:events";
import { listen, open } from "./socket.mjs";

export async function serve() {
  let size = 0;
  const { address } = await listen((socket) => {
    size += 1;
    socket.resume().on("close", () => (size -= 1));
  });
  return { address, size: () => size };
}

export async function connect(address) {
  const socket = await open(address);
  return {
    async close() {
      socket.resume().end();
      await once(socket, "close");
    },
  };
}
