/** What is to be integrated, and how: the same file runs as the server. Start it with `node examples/integral/integral.mjs`. */
import { Server } from "tcp-connector";

const STEPS = 1000;

/** Runs on the workers: it uses nothing but its argument and globals. */
const f = (x) => Math.sin(x);

/** The integral of `func` from `from` to `to`, computed by whoever connects. */
export async function integral(func, [from, to], server) {
  const dx = (to - from) / STEPS;
  server.vars.func = func;
  for (let n = 0; n < STEPS; n++) server.queues.task.put({ n, x: from + n * dx });
  const workers = new Map();
  let sum = 0;
  for (let n = 0; n < STEPS; n++) {
    const { value, worker } = await server.queues.result.get();
    sum += dx * value;
    workers.set(worker, (workers.get(worker) ?? 0) + 1);
  }
  return { sum, workers };
}

const server = new Server({ host: "127.0.0.1", port: Number(process.argv[2] ?? 1900) });
await server.listen();
console.log(`server: listening at ${server.address}, waiting for workers`);
const { sum, workers } = await integral(f, [0, Math.PI], server);
for (const [worker, count] of [...workers].sort())
  console.log(`${worker}: computed ${count} of ${STEPS} values`);
console.log(`the integral of sin from 0 to pi is ${sum.toFixed(3)}`);
await server.close();
