import { listen, open } from "./socket.mjs";

export async function serve() {
  const { address } = await listen((socket) => socket.on("echo", (value, answer) => answer(value)));
  return address;
}

export async function connect(address) {
  const socket = await open(address);
  return { call: (value) => socket.emitWithAck("echo", value) };
}
