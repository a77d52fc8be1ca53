import { Client, Server } from "../../../dist/index.js";

export async function serve() {
  const server = new Server({ host: "127.0.0.1" });
  server.expose({ echo: (value) => value });
  await server.listen();
  return server.url;
}

export async function connect(address) {
  const client = new Client();
  await client.connect(address);
  return { call: (value) => client.callRemote("echo", [value]) };
}
