import { once } from "node:events";
import { open } from "./client.mjs";

export async function connect(address) {
  const redis = await open(address);
  return {
    async close() {
      redis.disconnect();
      await once(redis, "end");
    },
  };
}
