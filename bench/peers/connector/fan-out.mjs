import { Client, Server } from "../../../dist/index.js";
import { clientOptions, serverOptions } from "./options.mjs";

/** A write to the globals, seen by every client's replica. */
export async function serve() {
  const server = new Server(serverOptions);
  await server.listen();
  return {
    address: server.url,
    write(key, value) {
      server.vars[key] = value;
    },
  };
}

export async function connect(address, onValue) {
  const client = new Client(clientOptions);
  await client.connect(address);
  client.globals.dict.on("change", ({ value }) => onValue(value));
}
