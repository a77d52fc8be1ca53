// The modules themselves, not the bundle: nothing public opens a bulk channel by itself.
import { Client } from "../../../dist/client/node/node-client.js";
import { Server } from "../../../dist/server/server.js";
import { Session } from "../../../dist/session/session.js";
import { clientOptions, serverOptions } from "./options.mjs";

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
  const server = new Server(serverOptions);
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

export async function connect(address) {
  let session;
  onSession((each) => {
    session = each;
  });
  const client = new Client(clientOptions);
  await client.connect(address);
  const sender = session.bulk.open(TYPE, "bench");
  return { call: (value) => client.callRemote("echo", [value]), send: (bytes) => sender.send(bytes) };
}
