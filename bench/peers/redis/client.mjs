import { Redis } from "ioredis";

/** Commands of one turn leave together, as ioredis can. */
export async function open({ host, port }) {
  const redis = new Redis({ host, port, lazyConnect: true, enableAutoPipelining: true });
  await redis.connect();
  return redis;
}
