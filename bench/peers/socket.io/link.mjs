import { listen, open } from "./socket.mjs";

export async function serve() {
  const { server, address } = await listen(() => {});
  return { address, size: () => server.engine.clientsCount };
}

export async function connect(address) {
  const socket = await open(address);
  return { close: async () => void socket.close() };
}
