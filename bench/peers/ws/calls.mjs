import { listen, open } from "./socket.mjs";

/** No library: JSON with an id, a Map of who waits. */
export async function serve() {
  const { address } = await listen((socket) => {
    socket.on("message", (text) => {
      const { id, value } = JSON.parse(text);
      socket.send(JSON.stringify({ id, value }));
    });
  });
  return address;
}

export async function connect(address) {
  const socket = await open(address);
  const waiting = new Map();
  let nextId = 0;
  socket.on("message", (text) => {
    const { id, value } = JSON.parse(text);
    waiting.get(id)(value);
    waiting.delete(id);
  });
  return {
    call(value) {
      const id = nextId++;
      socket.send(JSON.stringify({ id, value }));
      return new Promise((resolve) => waiting.set(id, resolve));
    },
  };
}
