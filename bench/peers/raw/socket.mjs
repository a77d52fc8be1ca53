import { once } from "node:events";
import { connect, createServer } from "node:net";

export async function listen(onSocket) {
  const server = createServer({ noDelay: true }, onSocket).listen({
    port: 0,
    host: "127.0.0.1",
    backlog: 4096,
  });
  await once(server, "listening");
  return { server, address: { host: "127.0.0.1", port: server.address().port } };
}

export async function open(address) {
  const socket = connect({ ...address, noDelay: true });
  await once(socket, "connect");
  return socket;
}
