import { spawn, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

const ROLE = fileURLToPath(new URL("role.mjs", import.meta.url));
const STDERR_KEPT = 2000;
const children = new Set();

export const canPin = availableParallelism() > 1 && spawnSync("taskset", ["-c", "0,1", "true"]).status === 0;

process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

function killAll() {
  for (const child of children) child.kill("SIGKILL");
}

/** All that the bench runs now, itself included. */
export const ownPids = () => [process.pid, ...[...children].flatMap(({ pid }) => pid ?? [])];

/** Starts a program on a core (`undefined`: any) and keeps it on the list of what dies with the bench. */
export function start(command, args, { core, ipc = false }) {
  const pinned = canPin && core !== undefined;
  const argv = pinned ? ["-c", String(core), command, ...args] : args;
  const child = spawn(pinned ? "taskset" : command, argv, {
    stdio: ["ignore", "ignore", "pipe", ...(ipc ? ["ipc"] : [])],
  });
  children.add(child);
  child.tail = "";
  child.stderr.on("data", (text) => {
    child.tail = (child.tail + text).slice(-STDERR_KEPT);
  });
  child.gone = new Promise((resolve) => {
    child.once("error", resolve);
    child.once("exit", resolve);
  }).then(() => children.delete(child));
  return child;
}

/** A measured process: `ask(command, given)` resolves to its answer and rejects when it fails or dies. */
export function startRole(scenario, roleName, peerName, { core, execArgv = [] }) {
  const argv = [...execArgv, ROLE, scenario.name, roleName, peerName];
  const child = start(process.execPath, argv, { core, ipc: true });
  const waiting = new Map();
  let nextId = 0;
  child.on("message", ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(`${roleName}: ${error}`));
  });
  child.gone.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${roleName} died: ${child.tail}`));
  });
  return {
    ask(command, given) {
      return new Promise((resolve, reject) => {
        if (!child.connected) return reject(new Error(`${roleName} is gone: ${child.tail}`));
        waiting.set(nextId, { resolve, reject });
        child.send({ id: nextId++, command, given }, () => {});
      });
    },
    /** Lets the process write what it must (a profile) unless it takes too long. */
    async stop() {
      if (child.connected) child.send({ command: "exit" }, () => {});
      const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await child.gone;
      clearTimeout(timer);
    },
  };
}
