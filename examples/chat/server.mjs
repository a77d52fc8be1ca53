/** A chat room. Start it with `node examples/chat/server.mjs`, then clients in other terminals. */
import { Server } from "tcp-connector";

const server = new Server({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 1900),
  // Who has vanished without a word is waited for so long, then is out.
  limits: { resumeWindowMs: 5000 },
});

server.setConnectCallback(async (peer) => {
  const from = peer.name || String(peer.address);
  console.log(`${from} is in`);
  await server.broadcast({ from: "server", text: `${from} is in` }, { except: peer });
  while (!peer.isClosed) {
    const text = await peer.recv().catch(() => undefined);
    if (text === undefined) break;
    await server.broadcast({ from, text }, { except: peer });
  }
});
server.setDisconnectCallback(async (address, peer) => {
  const from = peer.name || String(address);
  console.log(`${from} is out`);
  await server.broadcast({ from: "server", text: `${from} is out` });
});

await server.listen();
console.log(`chat room at ${server.address}, Ctrl-C ends it`);
await server.holdOn();
console.log("closed");
