import { Kvm } from "@nats-io/kv";
import { connect as open } from "@nats-io/transport-node";

/** JetStream's key-value bucket, in memory. */
export async function connect({ host, port }) {
  const connection = await open({ servers: `${host}:${port}` });
  const bucket = await new Kvm(connection).create("bench", { storage: "memory", history: 1 });
  return {
    setMany: (entries) => Promise.all(entries.map(([key, value]) => bucket.put(key, JSON.stringify(value)))),
    async watch(onChange) {
      const replica = new Map();
      const changes = await bucket.watch();
      const follow = async () => {
        for await (const change of changes) {
          const value = change.json();
          replica.set(change.key, value);
          onChange(value);
        }
      };
      void follow();
    },
  };
}
