import { Client, Server } from "../../../dist/index.js";
import { clientOptions, serverOptions } from "./options.mjs";

export async function serve(onMessage) {
  const server = new Server(serverOptions);
  server.setConnectCallback(async (peer) => {
    for (;;) {
      onMessage(await peer.recv());
      for (let value = peer.tryRecv(); value !== undefined; value = peer.tryRecv()) onMessage(value);
    }
  });
  await server.listen();
  return server.url;
}

export async function connect(address) {
  const client = new Client(clientOptions);
  await client.connect(address);
  return {
    /** Resolves when the last message of the batch is handed to the link. */
    sendMany(values) {
      let last;
      for (const value of values) last = client.send(value);
      return last;
    },
  };
}
