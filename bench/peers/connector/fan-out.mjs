import { Client, Server } from "../../../dist/index.js";

/** A write to the globals, seen by every client's replica. */
export async function serve() {
  const server = new Server({ host: "127.0.0.1" });
  await server.listen();
  return {
    address: server.url,
    write(key, value) {
      server.vars[key] = value;
    },
  };
}

export async function connect(address, onValue) {
  const client = new Client();
  await client.connect(address);
  client.globals.dict.on("change", ({ value }) => onValue(value));
}
