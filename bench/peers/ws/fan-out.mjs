import { listen, open } from "./socket.mjs";

/** A loop over all sockets, with one `stringify`. */
export async function serve() {
  const { server, address } = await listen(() => {});
  return {
    address,
    write(key, value) {
      const text = JSON.stringify({ key, value });
      for (const socket of server.clients) socket.send(text);
    },
  };
}

export async function connect(address, onValue) {
  const socket = await open(address);
  socket.on("message", (text) => onValue(JSON.parse(text).value));
}
