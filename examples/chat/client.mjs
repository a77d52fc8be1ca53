/** One person in the chat room: `node examples/chat/client.mjs Alice`. `exit` or Ctrl-C leaves. */
import { createInterface } from "node:readline/promises";
import { Client } from "tcp-connector";

const name = process.argv[2] ?? `guest-${process.pid}`;
const client = new Client({ name });
await client.connect("127.0.0.1", Number(process.argv[3] ?? 1900));

const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: "" });
const leaving = new AbortController();
terminal.once("SIGINT", () => leaving.abort());
terminal.once("close", () => leaving.abort());
client.on("disconnect", () => leaving.abort());
console.log(`you are ${name}; type to talk, "exit" to leave`);

async function listen() {
  for await (const { from, text } of pipe()) console.log(`${from}: ${text}`);
  console.log("the room is closed");
}

async function* pipe() {
  for (;;) {
    const message = await client.recv({ signal: leaving.signal }).catch(() => undefined);
    if (message === undefined) return;
    yield message;
  }
}

async function talk() {
  while (!leaving.signal.aborted) {
    const text = await terminal.question("", { signal: leaving.signal }).catch(() => "exit");
    if (text === "exit") break;
    if (text !== "") await client.send(text);
  }
  leaving.abort();
}

await Promise.all([listen(), talk()]);
terminal.close();
await client.close();
