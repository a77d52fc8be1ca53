import { listen, open } from "./socket.mjs";

export async function serve() {
  const { server, address } = await listen((socket) => socket.join("all"));
  return { address, write: (key, value) => void server.to("all").emit("write", key, value) };
}

export async function connect(address, onValue) {
  const socket = await open(address);
  socket.on("write", (_key, value) => onValue(value));
}
