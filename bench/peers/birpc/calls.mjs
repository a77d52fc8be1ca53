import { createBirpc } from "birpc";
import { listen, open } from "../ws/socket.mjs";

const over = (socket) => ({
  post: (text) => socket.send(text),
  on: (onText) => socket.on("message", onText),
  serialize: JSON.stringify,
  deserialize: JSON.parse,
});

export async function serve() {
  const { address } = await listen((socket) => createBirpc({ echo: (value) => value }, over(socket)));
  return address;
}

export async function connect(address) {
  const rpc = createBirpc({}, over(await open(address)));
  return { call: (value) => rpc.echo(value) };
}
