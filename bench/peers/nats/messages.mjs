import { connect as open } from "@nats-io/transport-node";

export async function serve(onMessage, broker) {
  const connection = await open({ servers: `${broker.host}:${broker.port}` });
  connection.subscribe("messages", { callback: (_error, received) => onMessage(received.json()) });
  await connection.flush();
  return broker;
}

export async function connect({ host, port }) {
  const connection = await open({ servers: `${host}:${port}` });
  return {
    async sendMany(values) {
      for (const value of values) connection.publish("messages", JSON.stringify(value));
      await new Promise(setImmediate); // the scenario's credit is the brake
    },
  };
}
