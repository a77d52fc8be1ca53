import { MessageChannel, Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { Client, Server } from "../../src/index.ts";
import { fixture } from "../fixtures/programs.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function serverAlone(): Server {
  const server = new Server();
  ends.push(() => server.close());
  return server;
}

async function joined(server: Server): Promise<Client> {
  const { port1, port2 } = new MessageChannel();
  const client = new Client();
  ends.push(
    () => client.close(),
    () => port1.close(),
  );
  server.accept(port1);
  await client.connect(port2);
  return client;
}

describe("a server that does not listen, and takes threads", { timeout: 30_000 }, () => {
  it("ends their sessions when it is closed, once", async () => {
    const server = serverAlone();
    const reasons: string[] = [];
    const client = await joined(server);
    client.on("disconnect", (reason) => void reasons.push(reason.message));
    await Promise.all([server.close(), server.close()]);
    expect(server.clients).toHaveLength(0);
    await client.holdOn();
    expect(reasons).toEqual(["the link was closed by the other side"]);
    await server.close();
  });

  it("holds on until it is closed", async () => {
    const server = serverAlone();
    await joined(server);
    let isOver = false;
    const over = server.holdOn().then(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isOver).toBe(false);
    await server.close();
    await over;
  });

  it("knows at once that a thread which has ended does not come back", async () => {
    const server = serverAlone();
    const events: string[] = [];
    server.on("disconnect", (_address, _peer, reason) => void events.push(`disconnect ${reason.code}`));
    const worker = new Worker(fixture("thread-client.mjs"));
    ends.push(() => worker.terminate());
    server.accept(worker);
    await server.clients.waitFor(1);
    const peer = server.clients[0];
    // Its window is a minute.
    await expect(peer?.remote["die"]?.()).rejects.toMatchObject({
      code: "CNR_ERR_SESSION_LOST",
      executed: "unknown",
    });
    expect(events).toEqual(["disconnect CNR_ERR_SESSION_LOST"]);
    expect(server.clients).toHaveLength(0);
  });
});
