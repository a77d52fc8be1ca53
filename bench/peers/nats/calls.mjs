import { connect as open } from "@nats-io/transport-node";

/** Request and reply through the broker. */
export async function serve(broker) {
  const connection = await open({ servers: `${broker.host}:${broker.port}` });
  connection.subscribe("echo", {
    callback: (_error, request) => request.respond(JSON.stringify(request.json())),
  });
  await connection.flush();
  return broker;
}

export async function connect({ host, port }) {
  const connection = await open({ servers: `${host}:${port}` });
  return {
    call: async (value) =>
      (await connection.request("echo", JSON.stringify(value), { timeout: 30_000 })).json(),
  };
}
