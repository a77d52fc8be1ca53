import { Client, Server } from "../../../dist/index.js";
import { clientOptions, serverOptions } from "./options.mjs";

export async function serve() {
  const server = new Server(serverOptions);
  await server.listen();
  return server.url;
}

export async function connect(address) {
  const client = new Client(clientOptions);
  await client.connect(address);
  const { vars, dict } = client.globals;
  return {
    setMany(entries) {
      for (const [key, value] of entries) vars[key] = value;
      return dict.synced();
    },
    watch(onChange) {
      dict.on("change", ({ value }) => onChange(value));
    },
  };
}
