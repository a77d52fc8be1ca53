/** Counts primes in worker threads of this program: `node examples/threads/main.mjs`. It opens no port and needs no key. */
import { Worker } from "node:worker_threads";
import { Server } from "tcp-connector";

const WORKERS = 3;
const STEP = 10_000;
const UNTIL = 300_000;

const server = new Server();
server.vars.primes = 0;
const workers = Array.from({ length: WORKERS }, (_, n) => {
  const worker = new Worker(new URL("worker.mjs", import.meta.url), { workerData: `worker-${n + 1}` });
  server.accept(worker);
  return worker;
});
const ends = workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));

for (let from = 0; from < UNTIL; from += STEP) server.queues.task.put({ from, to: from + STEP });
// No more will come: the workers' loops end when all is taken.
await server.queues.task.close();
await Promise.all(ends);
console.log(`there are ${server.vars.primes} primes below ${UNTIL}`);
await server.close();
