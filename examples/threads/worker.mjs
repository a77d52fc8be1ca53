/** One thread of main.mjs: takes tasks until there are no more. */
import { workerData as name, parentPort } from "node:worker_threads";
import { Client } from "tcp-connector";

function isPrime(n) {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return n > 1;
}

const client = new Client({ name });
await client.connect(parentPort);
let tasks = 0;
for await (const { from, to } of client.globals.queues.task) {
  let found = 0;
  for (let n = from; n < to; n++) if (isPrime(n)) found++;
  await client.globals.dict.increment("primes", found);
  tasks++;
}
console.log(`${name}: ${tasks} tasks`);
await client.close();
