/** `npm run quickstart`: the integral with a server and four workers, each a process of its own, on 127.0.0.1. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const WORKERS = 4;

function start(script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => console.log(line));
  return { child, lines };
}

const server = start("integral.mjs", "0");
const [first] = await once(server.lines, "line");
const port = /:(\d+),/.exec(first)?.[1];
const workers = Array.from({ length: WORKERS }, (_, n) => start("worker.mjs", `worker-${n + 1}`, port));
const exits = await Promise.all([server, ...workers].map(({ child }) => once(child, "exit")));
process.exitCode = exits.some(([code]) => code !== 0) ? 1 : 0;
