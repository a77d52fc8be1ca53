import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect as open } from "@nats-io/transport-node";

/** A JetStream work queue in memory, each item acknowledged. */
export async function connect({ host, port }) {
  const connection = await open({ servers: `${host}:${port}` });
  const js = jetstream(connection);
  return {
    putMany: (values) => Promise.all(values.map((value) => js.publish("jobs", JSON.stringify(value)))),
    async consume(onItem) {
      const manager = await jetstreamManager(connection);
      await manager.streams.add({
        name: "jobs",
        subjects: ["jobs"],
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.Memory,
      });
      await manager.consumers.add("jobs", {
        durable_name: "worker",
        ack_policy: AckPolicy.Explicit,
        max_ack_pending: 5000,
      });
      const consumer = await js.consumers.get("jobs", "worker");
      await consumer.consume({
        max_messages: 1000,
        callback: (item) => {
          onItem(item.json());
          item.ack();
        },
      });
    },
  };
}
