import { once } from "node:events";
import { listen, open } from "./service.mjs";

export const serve = (onMessage) => listen({ Send: (stream) => stream.on("data", onMessage) });

export async function connect(address) {
  const stream = (await open(address)).Send(() => {});
  return {
    async sendMany(values) {
      for (const value of values) {
        if (!stream.write(value)) await once(stream, "drain");
      }
    },
  };
}
