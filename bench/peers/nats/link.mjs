import { connect as open } from "@nats-io/transport-node";

export async function connect({ host, port }) {
  const connection = await open({ servers: `${host}:${port}` });
  return { close: () => connection.close() };
}
