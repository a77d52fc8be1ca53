/** One person in the chat room: `node examples/chat/client.mjs Alice`. `exit` or Ctrl-C leaves. */
import { createInterface } from "node:readline/promises";
import { Client } from "tcp-connector";

const name = process.argv[2] ?? `guest-${process.pid}`;
const client = new Client({ name });
await client.connect("127.0.0.1", Number(process.argv[3] ?? 1900));

const terminal = createInterface({ input: process.stdin, output: process.stdout });
const leaving = new AbortController();
const leave = () => leaving.abort();
// Ctrl-C arrives at the terminal; from elsewhere, or without one, at the process.
terminal.once("SIGINT", leave);
process.once("SIGINT", leave);
terminal.once("close", leave);
client.on("disconnect", leave);
console.log(`you are ${name}; type to talk, "exit" to leave`);

async function listen() {
  while (!leaving.signal.aborted) {
    const message = await client.recv({ signal: leaving.signal }).catch(() => undefined);
    if (message) console.log(`${message.from}: ${message.text}`);
  }
}

async function talk() {
  while (!leaving.signal.aborted) {
    const text = await terminal.question("", { signal: leaving.signal }).catch(() => "exit");
    if (text === "exit") leave();
    else if (text !== "") await client.send(text);
  }
}

await Promise.all([listen(), talk()]);
if (client.isClosed) console.log("the room is closed");
terminal.close();
await client.close();
