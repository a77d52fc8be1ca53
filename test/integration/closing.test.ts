import { beforeAll, describe, expect, it } from "vitest";
import { Client, Server } from "../../src/index.ts";
import { BRIEF, fixture, type Program, Script, startPrograms } from "../fixtures/programs.ts";

async function listening(): Promise<Server> {
  const server = new Server({ host: "127.0.0.1" });
  await server.listen();
  return server;
}

describe("close()", { timeout: 30_000 }, () => {
  let program: Program;
  beforeAll(async () => {
    [program] = (await startPrograms(1)) as [Program];
  });

  it("is repeatable, at the same time and later, on every side", async () => {
    const server = await listening();
    const client = new Client();
    await client.connect(server.url ?? "");
    await server.clients.waitFor(1);
    const peer = server.clients[0];
    await Promise.all([
      peer?.close(),
      peer?.close(),
      client.close(),
      client.close(),
      server.close(),
      server.close(),
    ]);
    await peer?.close();
    await client.close();
    await server.close();
    expect([peer?.isClosed, client.isClosed, server.isClosed]).toEqual([true, true, true]);
  });

  it("does nothing to what was never opened", async () => {
    const server = new Server({ host: "127.0.0.1" });
    const client = new Client();
    await Promise.all([server.close(), client.close()]);
    expect([server.isClosed, client.isClosed]).toEqual([true, true]);
  });

  it("is what `await using` does for server, client and peer", async () => {
    let [outerServer, outerClient] = [new Server({ host: "127.0.0.1" }), new Client()];
    {
      await using server = await listening();
      await using client = new Client();
      await client.connect(server.url ?? "");
      await server.clients.waitFor(1);
      [outerServer, outerClient] = [server, client];
      {
        await using peer = server.clients[0];
        expect(peer?.isClosed).toBe(false);
      }
      expect(server.clients.length).toBe(0);
    }
    expect([outerServer.isClosed, outerClient.isClosed]).toEqual([true, true]);
  });

  it("sends what was sent: a thousand messages and a megabyte before it arrive", async () => {
    await using server = await listening();
    await program.connect(server.url);
    await server.clients.waitFor(1);
    const peer = server.clients[0];
    void program.run(async ({ client }) => {
      for (let n = 0; n < 1000; n++) void client.send(n);
      void client.send(new Uint8Array(1 << 20));
      void client.globals.put("last word");
      client.globals.vars.last = "variable";
      await client.close();
    });
    for (let n = 0; n < 1000; n++) expect(await peer?.recv()).toBe(n);
    expect(await peer?.recv()).toHaveLength(1 << 20);
    await expect(peer?.recv()).rejects.toMatchObject({ name: "ConnectionError", code: "CNR_ERR_CLOSED" });
    expect(await server.get({ timeoutMs: 5000 })).toBe("last word");
    expect(server.vars.last).toBe("variable");
  });

  it("of the server ends every wait of its clients with a named error", async () => {
    const server = await listening();
    await program.connect(server.url);
    const ended = program.run(async ({ client }) => {
      const waits = {
        recv: client.recv(),
        pipe: client.pipes.chat.recv(),
        localGet: client.get(),
        globalGet: client.globals.get(),
        namedGet: client.globals.queues.tasks.get(),
        call: client.eval("new Promise(() => {})"),
        dict: client.globals.dict.waitFor("never"),
      };
      const entries = Object.entries(waits).map(async ([name, wait]) => {
        const error = await Promise.resolve(wait).catch((reason) => reason);
        return [name, `${error.name} ${error.code}`];
      });
      return Object.fromEntries(await Promise.all(entries));
    });
    await server.clients.waitFor(1);
    await program.run(({ client }) => client.globals.dict.synced());
    await server.close();
    expect(await ended).toEqual({
      recv: "ConnectionError CNR_ERR_CLOSED",
      pipe: "ConnectionError CNR_ERR_CLOSED",
      localGet: "QueueError CNR_ERR_QUEUE_CLOSED",
      globalGet: "QueueError CNR_ERR_QUEUE_CLOSED",
      namedGet: "QueueError CNR_ERR_QUEUE_CLOSED",
      call: "ConnectionError CNR_ERR_CLOSED",
      dict: "ConnectionError CNR_ERR_CLOSED",
    });
  });

  it("of a client ends its own waits and those of its peer", async () => {
    await using server = await listening();
    await using client = new Client();
    await client.connect(server.url ?? "");
    await server.clients.waitFor(1);
    const peer = server.clients[0];
    const waits = [
      client.recv(),
      client.globals.get(),
      client.get(),
      client.eval("new Promise(() => {})"),
      peer?.recv(),
      peer?.get(),
      peer?.eval("new Promise(() => {})"),
    ].map((wait) => Promise.resolve(wait).catch((error) => error.name));
    await client.close();
    for (const name of await Promise.all(waits)) expect(name).toMatch(/^(Connection|Queue)Error$/);
    expect(server.clients.length).toBe(0);
  });

  it("does not wait for a client that stands still", async () => {
    const server = await listening();
    await program.connect(server.url, BRIEF);
    await server.clients.waitFor(1);
    program.child.kill("SIGSTOP");
    void server.clients[0]?.send(new Uint8Array(8 << 20)).catch(() => undefined);
    await server.close();
    expect(server.isClosed).toBe(true);
    program.child.kill("SIGCONT");
    await expect.poll(() => program.run(({ client }) => client.isClosed)).toBe(true);
  });
});

describe("holdOn()", { timeout: 30_000 }, () => {
  it("resolves on close() of the own side", async () => {
    const server = await listening();
    const client = new Client();
    await client.connect(server.url ?? "");
    const held = client.holdOn();
    const serverHeld = server.holdOn();
    await client.close();
    await held;
    await server.close();
    await serverHeld;
    await Promise.all([client.holdOn(), server.holdOn()]);
  });

  it("resolves for a client when the server closes", async () => {
    const server = await listening();
    const client = new Client();
    await client.connect(server.url ?? "");
    const held = client.holdOn();
    await server.close();
    await held;
    expect(client.isClosed).toBe(true);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("closes in order on %s, server and client", async (signal) => {
    const server = new Script(fixture("holding-program.mjs"), ["server"]);
    const url = (await server.line(/^connector:.*/))[0];
    const client = new Script(fixture("holding-program.mjs"), ["client", url]);
    await client.line(/^connected/);
    expect(await client.kill(signal)).toEqual({ code: 0, signal: null });
    expect(client.lines.at(-1)).toBe("after holdOn: true");
    await server.line(/^left: CNR_ERR_CLOSED/);
    const second = new Script(fixture("holding-program.mjs"), ["client", url]);
    await second.line(/^connected/);
    expect(await server.kill(signal)).toEqual({ code: 0, signal: null });
    expect(server.lines.at(-1)).toBe("after holdOn: true");
    expect(await second.exit).toEqual({ code: 0, signal: null });
    expect(second.lines).toEqual(["connected", "left: CNR_ERR_CLOSED", "after holdOn: true"]);
    expect(server.errors + client.errors + second.errors).toBe("");
  });
});

describe("a process", { timeout: 30_000 }, () => {
  it("ends by itself when its server and clients are closed, whatever they were doing", async () => {
    const script = new Script(fixture("busy-then-closed.mjs"));
    expect(await script.exit).toEqual({ code: 0, signal: null });
    expect(script.lines.at(-1)).toBe("all closed");
    expect(script.errors).toBe("");
  });

  it("of a client ends by itself after its server was killed and it has closed", async () => {
    const server = new Script(fixture("holding-program.mjs"), ["server"]);
    const url = (await server.line(/^connector:.*/))[0];
    const client = new Script(fixture("holding-program.mjs"), ["client", url]);
    await client.line(/^connected/);
    await server.kill();
    expect(await client.exit).toEqual({ code: 0, signal: null });
    expect(client.lines).toEqual(["connected", "left: CNR_ERR_SESSION_LOST", "after holdOn: true"]);
  });
});
