import { Client, Server } from "../../../dist/index.js";
import { clientOptions, serverOptions } from "./options.mjs";

export async function serve() {
  const server = new Server(serverOptions);
  await server.listen();
  return { address: server.url, size: () => server.clients.length };
}

export async function connect(address) {
  const client = new Client(clientOptions);
  await client.connect(address);
  return {
    close: () => client.close(),
    resumed() {
      return new Promise((resolve) => {
        const listening = client.on("resumed", () => {
          listening[Symbol.dispose]();
          resolve();
        });
      });
    },
  };
}
