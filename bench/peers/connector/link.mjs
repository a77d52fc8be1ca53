import { Client, Server } from "../../../dist/index.js";

export async function serve() {
  const server = new Server({ host: "127.0.0.1" });
  await server.listen();
  return { address: server.url, size: () => server.clients.length };
}

export async function connect(address) {
  const client = new Client();
  await client.connect(address);
  return { close: () => client.close() };
}
