import { listen, open } from "./socket.mjs";

/** The server keeps a Map, tells the others, and acknowledges. */
export async function serve() {
  const state = new Map();
  const { address } = await listen((socket) => {
    socket.on("set", (key, value, acknowledge) => {
      state.set(key, value);
      socket.broadcast.emit("change", key, value);
      acknowledge();
    });
  });
  return address;
}

export async function connect(address) {
  const socket = await open(address);
  const replica = new Map();
  return {
    setMany: (entries) => Promise.all(entries.map(([key, value]) => socket.emitWithAck("set", key, value))),
    watch(onChange) {
      socket.on("change", (key, value) => {
        replica.set(key, value);
        onChange(value);
      });
    },
  };
}
