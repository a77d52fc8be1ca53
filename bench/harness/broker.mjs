import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { start } from "./processes.mjs";

/** How a broker is started with nothing kept on disk. */
const BROKERS = {
  redis: {
    binary: "redis-server",
    argv: (port, dir) => [
      "--port",
      port,
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      dir,
    ],
  },
  nats: {
    binary: "nats-server",
    argv: (port, dir) => ["-a", "127.0.0.1", "-p", port, "-js", "-sd", dir],
  },
};

const directories = new Set();
process.on("exit", () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** Whether the peer's broker can be started here; true for peers that have none. */
export function isBrokerInstalled(peerName) {
  const broker = BROKERS[peerName];
  return broker === undefined || spawnSync(broker.binary, ["--version"]).error === undefined;
}

/** Starts the peer's broker on a random port; `undefined` when the peer has none. */
export async function startBroker(peerName, core) {
  const broker = BROKERS[peerName];
  if (broker === undefined) return undefined;
  const directory = await mkdtemp(join(tmpdir(), "connector-bench-"));
  directories.add(directory);
  const port = await freePort();
  const child = start(broker.binary, broker.argv(String(port), directory), { core });
  await accepting(port);
  return {
    address: { host: "127.0.0.1", port },
    async stop() {
      child.kill("SIGKILL");
      await child.gone;
      await rm(directory, { recursive: true, force: true });
      directories.delete(directory);
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function accepting(port) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(25);
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`the broker on port ${port} does not accept connections`);
}
