import { open } from "./client.mjs";

const POPPED_AT_ONCE = 100;

/** Items are pushed in pipelines and popped by the hundred; one at a time with BRPOP. */
export async function connect(address) {
  const redis = await open(address);
  return {
    putMany: (values) => Promise.all(values.map((value) => redis.lpush("jobs", JSON.stringify(value)))),
    consume(onItem, waiting) {
      void (waiting === 1 ? popOne(redis, onItem) : popMany(redis, onItem));
    },
  };
}

async function popOne(redis, onItem) {
  for (;;) onItem(JSON.parse((await redis.brpop("jobs", 0))[1]));
}

async function popMany(redis, onItem) {
  for (;;) {
    const [, texts] = await redis.blmpop(0, 1, "jobs", "RIGHT", "COUNT", POPPED_AT_ONCE);
    for (const text of texts) onItem(JSON.parse(text));
  }
}
