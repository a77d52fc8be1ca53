/** Takes tasks until the server closes. Start as many as you like: `node examples/integral/worker.mjs worker-1`. */
import { Client } from "tcp-connector";

const name = process.argv[2] ?? `worker-${process.pid}`;
const client = new Client({ name });
await client.connect("127.0.0.1", Number(process.argv[3] ?? 1900));
const f = await client.globals.dict.waitFor("func");
let computed = 0;
for await (const { n, x } of client.globals.queues.task) {
  await client.globals.queues.result.put({ n, value: f(x), worker: name });
  computed++;
}
console.log(`${name}: the server has closed after ${computed} values`);
await client.close();
