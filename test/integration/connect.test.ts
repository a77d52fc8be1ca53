import { beforeAll, describe, expect, it } from "vitest";
import { Client, Server } from "../../src/index.ts";
import { fixture, type Program, Script, startPrograms } from "../fixtures/programs.ts";

const HANG_MS = 30_000;

async function listening(): Promise<Server> {
  const server = new Server({ host: "127.0.0.1" });
  await server.listen();
  return server;
}

describe("a server's address", { timeout: HANG_MS }, () => {
  it("opens nothing before listen()", async () => {
    const server = new Server({ host: "127.0.0.1", port: 1 });
    expect(server.address).toBeNull();
    expect(server.url).toBeNull();
    await server.close();
  });

  it("is host, port and family, and prints as host:port", async () => {
    await using server = await listening();
    const { address, url } = server;
    expect(address).toMatchObject({ host: "127.0.0.1", family: "IPv4" });
    expect(address?.port).toBeGreaterThan(0);
    expect(`${address}`).toBe(`127.0.0.1:${address?.port}`);
    expect(url).toBe(`connector://127.0.0.1:${address?.port}`);
  });

  it("is null after close(), and there again after another listen(), with the same variables", async () => {
    await using server = await listening();
    server.vars.kept = 1;
    await server.close();
    expect(server.address).toBeNull();
    expect(server.url).toBeNull();
    expect(server.isClosed).toBe(true);
    await server.listen();
    expect(server.isClosed).toBe(false);
    await using client = new Client();
    await client.connect(server.url ?? "");
    expect(client.globals.vars.kept).toBe(1);
  });

  it("can be the same port again at once after a close with clients connected", async () => {
    await using server = await listening();
    await using client = new Client();
    await client.connect(server.url ?? "");
    const port = server.address?.port;
    await server.close();
    await using second = new Server({ host: "127.0.0.1", port: port ?? 0 });
    await second.listen();
    expect(second.address?.port).toBe(port);
  });

  it("listen() on a server that listens changes nothing", async () => {
    await using server = await listening();
    const before = String(server.address);
    await server.listen();
    expect(String(server.address)).toBe(before);
  });

  it("may be given by name", async () => {
    await using server = new Server({ host: "localhost", port: 0 });
    await server.listen();
    await using client = new Client();
    await client.connect("localhost", server.address?.port ?? 0);
    expect(client.state).toBe("open");
  });
});

describe("a client's link", { timeout: HANG_MS }, () => {
  let program: Program;
  beforeAll(async () => {
    [program] = (await startPrograms(1)) as [Program];
  });

  it.each([
    ["host and port", (server: Server) => [server.address?.host, server.address?.port]],
    ["url", (server: Server) => [server.url]],
    ["host:port", (server: Server) => [`${server.address}`]],
    ["address", (server: Server) => [{ host: server.address?.host, port: server.address?.port }]],
  ])("is opened by %s", async (_, where) => {
    await using server = await listening();
    const state = await program.run(async (world, where) => {
      await world.client?.close();
      world.client = new world.connector.Client();
      await Reflect.apply(world.client.connect, world.client, where);
      return world.client.state;
    }, where(server));
    expect(state).toBe("open");
    await server.clients.waitFor(1);
    expect(server.clients.length).toBe(1);
  });

  it("is opened by the server's own address object", async () => {
    await using server = await listening();
    await using client = new Client();
    if (server.address) await client.connect(server.address);
    expect(client.state).toBe("open");
  });

  it("has an address, the server's address, an id, a name and a state, and the peer says the same", async () => {
    await using server = await listening();
    await program.connect(server.url, { name: "worker-3" });
    const seen = await program.run(({ client }) => ({
      address: `${client.address}`,
      port: client.address?.port,
      serverAddress: `${client.serverAddress}`,
      id: client.id,
      name: client.name,
      isClosed: client.isClosed,
      state: client.state,
    }));
    await server.clients.waitFor(1);
    const peer = server.clients[0];
    expect(seen).toEqual({
      address: `127.0.0.1:${seen.port}`,
      port: peer?.address?.port,
      serverAddress: `${server.address}`,
      id: peer?.id,
      name: "worker-3",
      isClosed: false,
      state: "open",
    });
    expect(`${peer?.address}`).toBe(seen.address);
    expect([peer?.name, peer?.isClosed, peer?.state, peer?.server]).toEqual([
      "worker-3",
      false,
      "open",
      server,
    ]);
  });

  it("has the globals when connect() resolves", async () => {
    await using server = await listening();
    server.vars.answer = 42;
    await using client = new Client();
    expect(client.state).toBe("closed");
    const connecting = client.connect(server.url ?? "");
    expect(client.state).toBe("connecting");
    await connecting;
    expect(client.globals.vars.answer).toBe(42);
  });

  it("stays as it is when connect() is called for where it leads", async () => {
    await using server = await listening();
    const { id } = await program.connect(server.url);
    const after = await program.run(async ({ client }, url) => {
      await client.connect(url);
      await Promise.all([client.connect(url), client.connect(url)]);
      return client.id;
    }, server.url ?? "");
    expect(after).toBe(id);
    expect(server.clients.length).toBe(1);
  });

  it("is one link when connect() is called twice at once", async () => {
    await using server = await listening();
    await using client = new Client();
    await Promise.all([client.connect(server.url ?? ""), client.connect(server.url ?? "")]);
    await server.clients.waitFor(1);
    expect(server.clients.length).toBe(1);
  });

  it("is closed first when connect() leads elsewhere", async () => {
    await using first = await listening();
    await using second = await listening();
    const reasons: string[] = [];
    const gone = new Promise<void>((resolve) => {
      first.setDisconnectCallback((_address, _peer, reason) => {
        reasons.push(reason.code);
        resolve();
      });
    });
    await program.connect(first.url);
    await program.run(({ client }, url) => client.connect(url), second.url ?? "");
    await second.clients.waitFor(1);
    await gone;
    expect(reasons).toEqual(["CNR_ERR_CLOSED"]);
    expect(first.clients.length).toBe(0);
    expect(second.clients.length).toBe(1);
  });

  it("can be opened again after close()", async () => {
    await using server = await listening();
    const { id } = await program.connect(server.url);
    const again = await program.run(async ({ client }, url) => {
      await client.close();
      const states = [client.state, client.isClosed];
      await client.connect(url);
      return { id: client.id, states, after: [client.state, client.isClosed] };
    }, server.url ?? "");
    expect(again.states).toEqual(["closed", true]);
    expect(again.after).toEqual(["open", false]);
    expect(again.id).not.toBe(id);
  });

  it("needs a connect() before it is used", async () => {
    const client = new Client();
    await expect(client.send(1)).rejects.toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
    await expect(client.recv()).rejects.toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
    await expect(client.get()).rejects.toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
    await expect(client.eval("1")).rejects.toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
    await expect(client.globals.put(1)).rejects.toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
    await client.close();
  });
});

describe("two programs without a test around them", { timeout: HANG_MS }, () => {
  it("connect, talk, close, and end by themselves", async () => {
    const server = new Script(fixture("plain-server.mjs"));
    const url = (await server.line(/^connector:.*/))[0];
    const client = new Script(fixture("plain-client.mjs"), [url]);
    expect(await client.exit).toEqual({ code: 0, signal: null });
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(client.lines).toEqual(["snapshot: 256", "got: hello, client", "closed: true"]);
    expect(server.lines.slice(1)).toEqual(["got: hello, server", "closed: true"]);
    expect(client.errors + server.errors).toBe("");
  });
});
