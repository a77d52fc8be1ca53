import { connect as open } from "@nats-io/transport-node";

export async function serve(broker) {
  const connection = await open({ servers: `${broker.host}:${broker.port}` });
  return {
    address: broker,
    write: (key, value) => connection.publish("writes", JSON.stringify({ key, value })),
  };
}

export async function connect({ host, port }, onValue) {
  const connection = await open({ servers: `${host}:${port}` });
  connection.subscribe("writes", { callback: (_error, received) => onValue(received.json().value) });
  await connection.flush();
}
