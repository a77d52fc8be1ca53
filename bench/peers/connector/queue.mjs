import { Client } from "../../../dist/index.js";
import { clientOptions } from "./options.mjs";

export { serve } from "./dict.mjs";

export async function connect(address) {
  const client = new Client(clientOptions);
  await client.connect(address);
  const { jobs } = client.globals.queues;
  return {
    putMany: (values) => Promise.all(values.map((value) => jobs.put(value))),
    consume(onItem, waiting) {
      const loop = async () => {
        for (;;) onItem(await jobs.get());
      };
      for (let n = 0; n < waiting; n++) void loop();
    },
  };
}
