import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import {
  Client,
  type ClientOptions,
  ConnectionError,
  ConnectorError,
  HandshakeError,
  Server,
  TimeoutError,
} from "../../src/index.ts";
import { fixture, Script } from "../fixtures/programs.ts";
import { seededBytes } from "../fixtures/seeded.ts";

const HANG_MS = 30_000;

/** Something that listens and is no Connector server. */
async function stranger(server: NetServer, answer?: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => undefined));
    answer?.(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function failureOf(promise: Promise<unknown>): Promise<ConnectorError> {
  const error = await promise.then(
    () => new Error("it resolved"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectorError);
  return error as ConnectorError;
}

describe("connect() that cannot succeed", { timeout: HANG_MS }, () => {
  const clients: Client[] = [];
  function newClient(options?: ClientOptions): Client {
    const client = new Client(options);
    clients.push(client);
    return client;
  }
  afterEach(async () => {
    for (const client of clients) expect(client.state).toBe("closed");
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  it("nobody listens: names the address and says what to do", async () => {
    const free = new Server({ host: "127.0.0.1" });
    await free.listen();
    const address = `${free.address}`;
    await free.close();
    const error = await failureOf(newClient().connect(address));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe("CNR_ERR_REFUSED");
    expect(error.message).toContain(address);
    expect(error.message).toContain("start the server");
    expect(error.retryable).toBe(true);
  });

  it("the host is unknown", async () => {
    const error = await failureOf(newClient().connect("no-such-host.invalid", 1900));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe("CNR_ERR_HOST_UNKNOWN");
    expect(error.message).toContain("no-such-host.invalid");
  });

  it("without a key the host is not this machine: refused before a packet leaves", async () => {
    const error = await failureOf(newClient({ key: false }).connect("192.0.2.1", 1900));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe("CNR_ERR_LOOPBACK_ONLY");
    expect(error.message).toContain("192.0.2.1");
  });

  it.each([
    "",
    "127.0.0.1",
    "http://127.0.0.1:80",
    "connector://127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:70000",
    "a:b:c",
  ])("%j is no address", async (text) => {
    const error = await failureOf(newClient().connect(text));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe("CNR_ERR_BAD_ADDRESS");
  });

  it.each([
    ["an HTTP server", () => stranger(createHttpServer((_, response) => response.end("hello")))],
    [
      "a server that greets in another language",
      () => stranger(createServer(), (socket) => socket.write("220 smtp ready\r\n")),
    ],
    ["random bytes", () => stranger(createServer(), (socket) => socket.write(seededBytes(7, 4096)))],
    ["zeros", () => stranger(createServer(), (socket) => socket.write(new Uint8Array(4096)))],
    [
      "a TLS server",
      // What a TLS server says to anything that is not TLS: the alert "unexpected message".
      () =>
        stranger(createServer(), (socket) =>
          socket.once("data", () => socket.end(Buffer.from("15030100020232", "hex"))),
        ),
    ],
  ])("%s is there: it is no Connector server", async (_, start) => {
    const port = await start();
    const error = await failureOf(newClient().connect("127.0.0.1", port));
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error.code).toBe("CNR_ERR_NOT_CONNECTOR");
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  it.each([
    ["hangs up", (socket: Socket) => socket.end()],
    ["resets", (socket: Socket) => socket.once("data", () => socket.resetAndDestroy())],
  ])("the server %s without a word: refused", async (_, answer) => {
    const port = await stranger(createServer(), answer);
    const error = await failureOf(newClient().connect("127.0.0.1", port));
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error.code).toBe("CNR_ERR_HANDSHAKE_REFUSED");
    expect(error.retryable).toBe(true);
  });

  it("the server stays silent: a time-out that names the address", async () => {
    const port = await stranger(createServer());
    const error = await failureOf(newClient().connect("127.0.0.1", port, { timeoutMs: 50 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.code).toBe("CNR_ERR_CONNECT_TIMEOUT");
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  it("the caller gives up: its own reason, before and during", async () => {
    const port = await stranger(createServer());
    const reason = new Error("changed my mind");
    const early = newClient();
    await expect(early.connect("127.0.0.1", port, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const abort = new AbortController();
    const connecting = newClient().connect("127.0.0.1", port, { signal: abort.signal });
    setImmediate(() => abort.abort(reason));
    await expect(connecting).rejects.toBe(reason);
  });

  it("close() while connecting ends the wait", async () => {
    const port = await stranger(createServer());
    const client = newClient();
    const error = failureOf(client.connect("127.0.0.1", port));
    await client.close();
    expect((await error).code).toMatch(/^CNR_ERR_(CLOSED|CANCELLED)$/);
  });

  it("can be tried again with the same client", async () => {
    const port = await stranger(createServer(), (socket) => socket.end("no"));
    await using server = new Server({ host: "127.0.0.1" });
    await server.listen();
    const client = newClient();
    await failureOf(client.connect("127.0.0.1", port));
    await client.connect(server.url ?? "");
    expect(client.state).toBe("open");
    await client.close();
  });

  it("a promise that nobody awaits never ends the process", async () => {
    const port = await stranger(createServer(), (socket) => socket.end("no"));
    const script = new Script(fixture("careless-program.mjs"), [String(port)]);
    expect(await script.exit).toEqual({ code: 0, signal: null });
    expect(script.lines.at(-1)).toBe("alive");
    expect(script.errors).toBe("");
  });
});

describe("listen() that cannot succeed", { timeout: HANG_MS }, () => {
  it("the port is busy: names host and port", async () => {
    await using first = new Server({ host: "127.0.0.1" });
    await first.listen();
    const second = new Server({ host: "127.0.0.1", port: first.address?.port ?? 0 });
    const error = await failureOf(second.listen());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe("CNR_ERR_ADDRESS_IN_USE");
    expect(error.message).toContain(`127.0.0.1:${first.address?.port}`);
    await first.close();
    await second.listen();
    expect(second.address?.port).toBeGreaterThan(0);
    await second.close();
  });

  it.each(["0.0.0.0", "192.0.2.1", "::"])("%s is not loopback, and there is no key", async (host) => {
    const error = await failureOf(new Server({ host, port: 0, key: false }).listen());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe("CNR_ERR_LOOPBACK_ONLY");
    expect(error.message).toContain(host);
  });
});
