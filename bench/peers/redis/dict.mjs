import { open } from "./client.mjs";

/** A hash holds the state, a channel tells the others, who apply it. */
export async function connect(address) {
  const redis = await open(address);
  return {
    setMany(entries) {
      const pipeline = redis.pipeline();
      for (const [key, value] of entries) {
        const text = JSON.stringify({ key, value });
        pipeline.hset("vars", key, text).publish("changes", text);
      }
      return pipeline.exec();
    },
    async watch(onChange) {
      const replica = new Map();
      redis.on("message", (_channel, text) => {
        const { key, value } = JSON.parse(text);
        replica.set(key, value);
        onChange(value);
      });
      await redis.subscribe("changes");
    },
  };
}
