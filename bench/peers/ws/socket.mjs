import { once } from "node:events";
import { WebSocket, WebSocketServer } from "ws";

export async function listen(onSocket) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false, backlog: 4096 });
  server.on("connection", onSocket);
  await once(server, "listening");
  return { server, address: `ws://127.0.0.1:${server.address().port}` };
}

export async function open(address) {
  const socket = new WebSocket(address, { perMessageDeflate: false });
  await once(socket, "open");
  return socket;
}
