import { Client, Server } from "../../../dist/index.js";
import { clientOptions, serverOptions } from "./options.mjs";

export async function serve() {
  const server = new Server(serverOptions);
  server.expose({ echo: (value) => value });
  await server.listen();
  return server.url;
}

export async function connect(address) {
  const client = new Client(clientOptions);
  await client.connect(address);
  return { call: (value) => client.callRemote("echo", [value]) };
}
