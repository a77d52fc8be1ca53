import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { Client, ConnectionError, type Peer, Server } from "../../src/index.ts";
import { ChaosProxy } from "../fixtures/chaos-proxy.ts";
import { type Program, startPrograms } from "../fixtures/programs.ts";
import { seeded } from "../fixtures/seeded.ts";

const HANG_MS = 40_000;
/** Noticed soon, also where nothing is written. */
const FAST = { heartbeat: { idleMs: 50, deadMs: 150 } };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

/** A server and a client with a proxy between them that cuts nothing by itself. */
async function linked(
  options = {},
): Promise<{ server: Server; client: Client; peer: Peer; proxy: ChaosProxy }> {
  const server = new Server({ host: "127.0.0.1", ...FAST, ...options });
  server.on("error", () => {});
  await server.listen();
  const proxy = new ChaosProxy(
    { host: "127.0.0.1", port: server.address?.port ?? 0 },
    { random: seeded(1), maxBytes: 0, firstInHandshake: 0 },
  );
  proxy.isCalm = true;
  const client = new Client({ ...FAST, ...options });
  open.push(proxy, server, client);
  await client.connect("127.0.0.1", await proxy.listen());
  return { server, client, proxy, peer: server.clients[0] as Peer };
}

/** Until both sides have noticed. */
async function untilAway(client: Client, peer: Peer): Promise<void> {
  await expect.poll(() => [client.state, peer.state]).toEqual(["reconnecting", "reconnecting"]);
}

describe("a link that is lost and found", { timeout: HANG_MS }, () => {
  it("is not waited for longer than connect() is told to", async () => {
    const { client, peer, proxy } = await linked();
    const port = client.serverAddress?.port ?? 0;
    await proxy[Symbol.asyncDispose]();
    await untilAway(client, peer);
    const connecting = client.connect("127.0.0.1", port, { timeoutMs: 50 });
    await expect(connecting).rejects.toMatchObject({
      code: "CNR_ERR_CONNECT_TIMEOUT",
      details: { address: `127.0.0.1:${port}`, timeoutMs: 50 },
    });
    expect(client.state).toBe("reconnecting");
  });

  it("is told by events, and is no disconnect; the peer keeps its place, and has its new address", async () => {
    const { server, client, proxy, peer } = await linked();
    const told: string[] = [];
    client.on("reconnecting", (reason) => told.push(`client: ${reason.code}`));
    client.on("resumed", () => told.push("client: resumed"));
    client.on("disconnect", () => told.push("client: disconnect"));
    server.on("reconnecting", (which) => told.push(`server: reconnecting ${which === peer}`));
    server.on("resumed", (which) => told.push(`server: resumed ${which === peer}`));
    server.on("connect", () => told.push("server: connect"));
    server.on("disconnect", () => told.push("server: disconnect"));
    peer.on("resumed", () => told.push(`peer: resumed ${peer.state}`));
    const before = String(peer.address);
    proxy.refuse();
    await untilAway(client, peer);
    expect([client.isClosed, peer.isClosed, server.clients.length]).toEqual([false, false, 1]);
    proxy.accept();
    await expect.poll(() => client.state).toBe("open");
    await expect.poll(() => told.length).toBe(5);
    expect(told.sort()).toEqual([
      "client: CNR_ERR_LINK_LOST",
      "client: resumed",
      "peer: resumed open",
      "server: reconnecting true",
      "server: resumed true",
    ]);
    expect([server.clients[0], server.clients.get(String(peer.address))]).toEqual([peer, peer]);
    expect([String(peer.address) === before, server.clients.get(before)]).toEqual([false, undefined]);
    expect([client.stats()?.resumes, peer.stats().resumes]).toEqual([1, 1]);
  });

  it("costs nothing but time: calls, pipes, dicts and queues go on, and nothing runs twice", async () => {
    const { server, client, proxy, peer } = await linked();
    const runs: string[] = [];
    let answer: (value: string) => void = () => {};
    server.expose({
      slow: () => {
        runs.push("slow");
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
      quick: () => runs.push("quick"),
    });
    const slow = client.remote.slow();
    await expect.poll(() => runs).toEqual(["slow"]);
    const received = peer.recv();
    const seen: unknown[] = [];
    client.globals.dict.on("change", ({ value }) => void seen.push(value));
    proxy.refuse();
    await untilAway(client, peer);
    const quick = client.remote.quick();
    const sent = client.send("while away");
    for (let n = 1; n <= 100; n++) {
      server.vars.x = n;
      await Promise.resolve();
    }
    client.globals.vars.y = "mine";
    expect([client.globals.vars.y, client.globals.dict.stale]).toEqual(["mine", true]);
    const put = client.globals.queues.tasks.put("work");
    answer("done");
    proxy.accept();
    expect([await slow, await quick, await received]).toEqual(["done", 2, "while away"]);
    await Promise.all([sent, put]);
    await client.globals.dict.synced();
    expect(client.globals.dict.stale).toBe(false);
    expect([runs, server.vars.y, await server.queues.tasks.get()]).toEqual([
      ["slow", "quick"],
      "mine",
      "work",
    ]);
    // Of all that has changed meanwhile only the newest.
    expect(seen.filter((value) => typeof value === "number")).toEqual([100]);
  });

  it("leaves queue items to those who are there; whoever is back waits again", async () => {
    const { server, client, proxy, peer } = await linked();
    const first = client.globals.queues.tasks.get();
    await client.globals.queues.tasks.size();
    const second = server.queues.tasks.get();
    proxy.refuse();
    await untilAway(client, peer);
    await server.queues.tasks.put("for the one who is here");
    expect(await second).toBe("for the one who is here");
    proxy.accept();
    await expect.poll(() => client.state).toBe("open");
    await server.queues.tasks.put("for the one who is back");
    expect(await first).toBe("for the one who is back");
  });
});

describe("a link that is not found again", { timeout: HANG_MS }, () => {
  it("ends the session on both sides when the time is over, with all who wait, once", async () => {
    const { server, client, proxy, peer } = await linked({ limits: { resumeWindowMs: 120 } });
    const told: string[] = [];
    server.on("disconnect", (_address, _peer, reason) => told.push(`server: ${reason.code}`));
    client.on("disconnect", (reason) => told.push(`client: ${reason.code}`));
    const sent = client.eval("new Promise(() => {})");
    const waiting = [
      sent,
      client.recv(),
      client.globals.get(),
      client.globals.dict.waitFor("never"),
      peer.recv(),
    ];
    expect(await client.eval("'heard'")).toBe("heard");
    proxy.refuse();
    await untilAway(client, peer);
    const unsent = [client.eval("1"), client.globals.put(1)];
    for (const wait of waiting) {
      await expect(wait).rejects.toMatchObject({ name: "ConnectionError", code: "CNR_ERR_SESSION_LOST" });
    }
    expect(await sent.exception()).toMatchObject({ executed: "unknown" });
    for (const call of unsent) await expect(call).rejects.toMatchObject({ executed: "no" });
    expect([client.state, peer.state, server.clients.length]).toEqual(["closed", "closed", 0]);
    expect(told.sort()).toEqual(["client: CNR_ERR_SESSION_LOST", "server: CNR_ERR_SESSION_LOST"]);
    proxy.accept();
    await client.connect(server.url ?? "");
    expect(await client.eval("'again'")).toBe("again");
  });

  it("ends at once when the client is closed, on its side", async () => {
    const { client, proxy, peer } = await linked();
    proxy.refuse();
    await untilAway(client, peer);
    const waiting = client.eval("1");
    await client.close();
    expect(client.state).toBe("closed");
    await expect(waiting).rejects.toMatchObject({ code: "CNR_ERR_CLOSED", executed: "no" });
    proxy.accept();
    await sleep(150);
    expect(client.state).toBe("closed");
  });

  it("ends at once when the server is closed; its client hears of it when it asks", async () => {
    const { server, client, proxy, peer } = await linked({ limits: { resumeWindowMs: 300 } });
    proxy.refuse();
    await untilAway(client, peer);
    const waiting = expect(peer.recv()).rejects.toMatchObject({ code: "CNR_ERR_CLOSED" });
    await server.close();
    await waiting;
    proxy.accept();
    await expect.poll(() => client.state).toBe("closed");
  });
});

describe("a server that was killed and started again", { timeout: HANG_MS }, () => {
  async function startServer(program: Program, port: number, value: string): Promise<number> {
    return program.run(
      async (world, port, value) => {
        world.server = new world.connector.Server({ host: "127.0.0.1", port });
        world.server.expose({ hang: () => new Promise(() => {}), add: (a: number, b: number) => a + b });
        world.server.vars.value = value;
        await world.server.listen();
        return world.server.address?.port ?? 0;
      },
      port,
      value,
    );
  }

  it("is another one: what waited ends, and the client goes on with it by itself", async () => {
    const [first, second] = (await startPrograms(2)) as [Program, Program];
    const port = await startServer(first, 0, "first");
    const client = new Client(FAST);
    open.push(client);
    client.expose({ mine: () => "still exposed" });
    const told: string[] = [];
    client.on("disconnect", (reason) =>
      told.push(`disconnect ${reason.code} ${String(reason.details["restarted"])}`),
    );
    client.on("connect", () => told.push(`connect ${client.globals.vars.value}`));
    client.on("resumed", () => told.push("resumed"));
    await client.connect("127.0.0.1", port);
    const changes: unknown[] = [];
    client.globals.dict.on("change", ({ key, value }) => changes.push([key, value]));
    const pipe = client.pipes.chat;
    const hanging = client.remote.hang();
    const item = client.globals.queues.tasks.get();
    expect(await client.remote.add(1, 2)).toBe(3);
    await first.kill();
    await expect.poll(() => client.state).toBe("reconnecting");
    const unsent = client.remote.add(2, 3);
    await startServer(second, port, "second");
    await expect.poll(() => client.state).toBe("open");
    expect(await hanging.exception()).toMatchObject({ code: "CNR_ERR_SESSION_LOST", executed: "unknown" });
    expect(await unsent.exception()).toMatchObject({ executed: "no" });
    await expect(item).rejects.toBeInstanceOf(ConnectionError);
    await expect.poll(() => told.length).toBe(3);
    expect(told).toEqual(["connect first", "disconnect CNR_ERR_SESSION_LOST true", "connect second"]);
    expect([client.globals.vars.value, changes]).toEqual(["second", [["value", "second"]]]);
    expect(await client.remote.add(3, 4)).toBe(7);
    expect(await second.run(({ server }) => server.clients[0]?.callRemote("mine"))).toBe("still exposed");
    await pipe.send("the pipe object goes on");
    expect(await second.run(({ server }) => server.clients[0]?.pipes.chat.recv())).toBe(
      "the pipe object goes on",
    );
  });

  it("again and again, while clients are killed too: nobody hangs, and no call runs twice", async () => {
    const random = seeded(9);
    const client = new Client(FAST);
    open.push(client);
    let [program] = (await startPrograms(1)) as [Program];
    const port = await startServer(program, 0, "0");
    await client.connect("127.0.0.1", port);
    let answered = 0;
    for (let round = 1; round <= 4; round++) {
      const [next, victim] = (await startPrograms(2)) as [Program, Program];
      const calls = Array.from({ length: 50 }, (_, n) => client.remote.add(n, round));
      void victim.connect(`127.0.0.1:${port}`).catch(() => {});
      await sleep(random() * 30);
      await Promise.all([program.kill(), victim.kill()]);
      program = next;
      await startServer(program, port, String(round));
      for (const [n, call] of calls.entries()) {
        const outcome = await call.then(
          (sum: number) => sum === n + round,
          (error: unknown) => error instanceof ConnectionError,
        );
        expect(outcome).toBe(true);
      }
      await expect.poll(() => client.state).toBe("open");
      expect(await client.remote.add(1, 1)).toBe(2);
      await expect.poll(() => client.globals.vars.value).toBe(String(round));
      answered++;
    }
    expect(answered).toBe(4);
    await program.kill();
  });
});

describe("healthy programs whose event loop stands still for five seconds", { timeout: HANG_MS }, () => {
  it("keep their link, whichever of the two it is", async () => {
    const [busyClient, busyServer] = (await startPrograms(2)) as [Program, Program];
    const server = new Server();
    const client = new Client();
    open.push(server, client);
    await server.listen();
    await busyClient.connect(server.url);
    const url = await busyServer.run(async (world) => {
      world.server = new world.connector.Server({ host: "127.0.0.1" });
      await world.server.listen();
      return world.server.url;
    });
    await client.connect(url ?? "");
    const told: unknown[] = [];
    client.on("reconnecting", (reason) => void told.push(reason));
    server.on("reconnecting", (_peer, reason) => void told.push(reason));
    const stand = (): string => {
      const until = Date.now() + 5000;
      while (Date.now() < until);
      return "goes on";
    };
    expect(await Promise.all([busyClient.run(stand), busyServer.run(stand)])).toEqual(["goes on", "goes on"]);
    expect(await server.clients[0]?.eval("1 + 1")).toBe(2);
    expect(await client.eval("1 + 1")).toBe(2);
    expect(told).toEqual([]);
  });
});
