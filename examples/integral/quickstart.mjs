/** `npm run quickstart`: the integral with a server and four workers, each a process of its own, on 127.0.0.1. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const WORKERS = 4;
const LONGEST_MS = 60_000;

const children = [];
const end = () => {
  for (const child of children) child.kill();
};
const timer = setTimeout(() => {
  console.error(`not done after ${LONGEST_MS} ms`);
  end();
}, LONGEST_MS);

/** Starts a program whose lines are shown here; one that fails ends them all. */
function start(script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => console.log(line));
  child.once("exit", (code) => {
    if (code === 0) return;
    process.exitCode = 1;
    end();
  });
  return { child, lines };
}

const server = start("integral.mjs", "0");
const [first = ""] = await Promise.race([
  once(server.lines, "line"),
  once(server.child, "exit").then(() => []),
]);
const port = /:(\d+),/.exec(first)?.[1];
const workers = port
  ? Array.from({ length: WORKERS }, (_, n) => start("worker.mjs", `worker-${n + 1}`, port))
  : [];
await Promise.all([server, ...workers].map(({ child }) => child.exitCode ?? once(child, "exit")));
clearTimeout(timer);
