import { once } from "node:events";
import { listen, open } from "./socket.mjs";

export async function serve() {
  const { server, address } = await listen(() => {});
  return { address, size: () => server.clients.size };
}

export async function connect(address) {
  const socket = await open(address);
  return {
    async close() {
      socket.close();
      await once(socket, "close");
    },
  };
}
