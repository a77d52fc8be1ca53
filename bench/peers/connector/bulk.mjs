import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
// The modules themselves, not the bundle: nothing public opens a bulk channel by itself.
import { Client } from "../../../dist/client/node/node-client.js";
import { Server } from "../../../dist/server/server.js";
import { Session } from "../../../dist/session/session.js";

const TYPE = 1;

/** Calls back with each new session, as its endpoint gets it. */
function onSession(listener) {
  const { handleLater } = Session.prototype;
  const seen = new WeakSet();
  Session.prototype.handleLater = function (...args) {
    if (!seen.has(this)) listener(this);
    seen.add(this);
    return handleLater.apply(this, args);
  };
}

export async function serve(onBytes) {
  onSession((session) => {
    session.beforeBulk = (bulk) => bulk.accept(TYPE, (receiver) => void readAll(receiver, onBytes));
  });
  const server = new Server({ host: "127.0.0.1" });
  server.expose({ echo: (value) => value });
  await server.listen();
  return server.url;
}

async function readAll(receiver, onBytes) {
  try {
    for await (const bytes of receiver) onBytes(bytes.length);
  } catch (error) {
    if (error.code !== "CNR_ERR_LINK_LOST" && error.code !== "CNR_ERR_SESSION_LOST") throw error;
  }
}

/** @param over - `tls` or `unix` */
export async function connect(address, over) {
  let session;
  onSession((each) => {
    session = each;
  });
  const client = new Client();
  if (over === "tls") await withoutUnixSockets(() => client.connect(address));
  else await client.connect(address);
  // Links over Unix sockets have numbers above all ports.
  const isUnix = session.link.localAddress.port > 65_535;
  if (isUnix !== (over === "unix")) throw new Error(`the link is not over ${over}`);
  const sender = session.bulk.open(TYPE, "bench");
  return { call: (value) => client.callRemote("echo", [value]), send: (bytes) => sender.send(bytes) };
}

/** The client looks for the server's socket in a folder that has none. */
async function withoutUnixSockets(body) {
  const before = process.env.XDG_RUNTIME_DIR;
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  process.env.XDG_RUNTIME_DIR = folder;
  try {
    await body();
  } finally {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
    rmSync(folder, { recursive: true });
  }
}
