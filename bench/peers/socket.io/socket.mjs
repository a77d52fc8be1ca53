import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";

export async function listen(onSocket) {
  const http = createServer().listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(http, "listening");
  const server = new Server(http, { transports: ["websocket"], serveClient: false });
  server.on("connection", onSocket);
  return { server, address: `http://127.0.0.1:${http.address().port}` };
}

export async function open(address) {
  const socket = io(address, { transports: ["websocket"], forceNew: true, reconnection: false });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
  return socket;
}
