import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Client, type Server } from "../../src/index.ts";
import { BRIEF, type Loose, type Program, serve, startPrograms } from "../fixtures/programs.ts";
import { seeded, seededBytes } from "../fixtures/seeded.ts";
import { TcpProxy } from "../fixtures/tcp-proxy.ts";

const FAST = { ...BRIEF, heartbeat: { idleMs: 60, deadMs: 240 } };
/** Without a key, so that bytes can be put into a link, or changed in it, that both sides take for each other's. */
const PLAIN = { ...FAST, key: false } as const;

/** The header of a frame: a length of 24 bits, a kind, a channel. */
function header(length: number, kind: number, channel = 0): Uint8Array {
  return Uint8Array.of(length & 255, (length >> 8) & 255, length >> 16, kind, channel, 0, 0, 0);
}

/** What a true client says in a conversation with everything in it. */
async function conversation(server: Server): Promise<Buffer> {
  await using proxy = new TcpProxy(server.address?.port ?? 0);
  const model = new Client({ key: false });
  await model.connect(await proxy.listen());
  await model.callRemote("echo", [{ a: [1, "two", new Uint8Array(50)] }]);
  model.vars.x = 1;
  model.globals.vars.y = { deep: [1] };
  await model.globals.put("item");
  await model.send("message");
  await model.close();
  return proxy.said;
}

/** The same with some bytes changed, and sometimes cut off. */
function damaged(said: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(said);
  const changes = 1 + Math.floor(random() * 8);
  for (let n = 0; n < changes; n++) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

describe("bad input from the network", { timeout: 30_000 }, () => {
  let good: Program;
  beforeAll(async () => {
    [good] = (await startPrograms(1)) as [Program];
  });
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  function dial(server: Server): Socket {
    const socket = connect(server.address?.port ?? 0, "127.0.0.1").on("error", () => undefined);
    sockets.push(socket);
    return socket.resume();
  }

  async function expectUndisturbed(server: Server): Promise<void> {
    expect(await good.run(({ client }) => client.globals.dict.increment("alive"))).toBe(server.vars.alive);
    server.expose({ answer: () => 42 });
    expect(await good.run(({ client }) => client.callRemote("answer"))).toBe(42);
    // A link that was taken in late may still be on its way out.
    await expect.poll(() => server.clients.length).toBe(1);
  }

  it.each([
    ["random bytes", seededBytes(1, 5000)],
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["a TLS greeting", Buffer.from("16030100c8010000c40303", "hex")],
    ["zeros", new Uint8Array(100)],
    ["a frame of 16 MiB", header(0xffffff, 1)],
    ["a message before the handshake", Buffer.concat([header(3, 16), Buffer.from("abc")])],
    ["an empty greeting", header(0, 1)],
    ["a greeting of another version", Buffer.concat([header(64, 1), new Uint8Array(64).fill(255)])],
  ])("%s: its link is ended, nobody else notices", async (_, bytes) => {
    await using room = await serve([good]);
    const socket = dial(room.server);
    const ended = once(socket, "close");
    socket.write(bytes);
    await ended;
    await expectUndisturbed(room.server);
  });

  it("half a greeting and then silence: its link is ended in time, others connect meanwhile", async () => {
    await using room = await serve([good]);
    const socket = dial(room.server);
    const ended = once(socket, "close");
    socket.write(header(64, 1).subarray(0, 5));
    await using client = new Client();
    await client.connect(room.server.url ?? "");
    await client.close();
    await expect.poll(() => room.server.clients.length).toBe(1);
    await expectUndisturbed(room.server);
    await ended;
  });

  it("hundreds of silent connections do not keep a client out for longer than their time", async () => {
    await using room = await serve([good]);
    for (let n = 0; n < 300; n++) dial(room.server);
    await expectUndisturbed(room.server);
    for (const socket of sockets) socket.destroy();
    await using client = new Client();
    await expect
      .poll(
        () =>
          client.connect(room.server.url ?? "").then(
            () => client.state,
            () => "refused",
          ),
        { timeout: 20_000 },
      )
      .toBe("open");
  });

  it("half a frame and then silence on an open link: the heartbeat ends it, with its name, on both sides", async () => {
    await using room = await serve([good], FAST);
    await using proxy = new TcpProxy(room.server.address?.port ?? 0);
    await using client = new Client({ ...BRIEF, heartbeat: { idleMs: 60_000, deadMs: 120_000 } });
    await client.connect(await proxy.listen());
    await room.server.clients.waitFor(2);
    const peer = room.server.clients[1];
    const waiting = expect(peer?.recv()).rejects.toMatchObject({
      name: "ConnectionError",
      code: "CNR_ERR_SESSION_LOST",
      cause: expect.objectContaining({ code: "CNR_ERR_HEARTBEAT" }),
    });
    const lost = expect(client.recv()).rejects.toMatchObject({ name: "ConnectionError" });
    proxy.silenceAfter(5);
    await client.send("is never heard in full");
    await waiting;
    await lost;
    await expect.poll(() => room.server.clients.length).toBe(1);
    await expectUndisturbed(room.server);
  });

  it.each([
    ["a frame of 16 MiB", header(0xffffff, 16)],
    ["an unknown kind of frame", header(0, 99)],
    ["random bytes", seededBytes(5, 3000)],
    ["a message of random bytes", Buffer.concat([header(200, 16), seededBytes(6, 200)])],
    ["a second greeting", header(0, 1)],
  ])("%s on an open link: it is ended on both sides with a named error", async (_, bytes) => {
    await using room = await serve([good], PLAIN);
    await using proxy = new TcpProxy(room.server.address?.port ?? 0);
    await using client = new Client(PLAIN);
    await client.connect(await proxy.listen());
    await room.server.clients.waitFor(2);
    const reasons: string[] = [];
    room.server.on("disconnect", (_address, _peer, reason) => reasons.push(reason.name));
    const lost = client.globals.get().catch((error) => error.name);
    proxy.sayToServer(bytes);
    expect(await lost).toMatch(/^(ConnectionError|ProtocolError|QueueError)$/);
    await expect.poll(() => reasons.length).toBe(1);
    expect(reasons[0]).toMatch(/^(ProtocolError|CodecError|LimitError|ConnectionError)$/);
    await expectUndisturbed(room.server);
  });

  it.each([
    ["a frame of 16 MiB", header(0xffffff, 16)],
    ["random bytes", seededBytes(8, 3000)],
  ])(
    "%s from a server: the client ends the link with a named error, and can connect again",
    async (_, bytes) => {
      await using room = await serve([], PLAIN);
      await using proxy = new TcpProxy(room.server.address?.port ?? 0);
      await using client = new Client(PLAIN);
      await client.connect(await proxy.listen());
      const lost = client.recv().catch((error) => error.name);
      proxy.sayToClient(bytes);
      expect(await lost).toMatch(/^(ConnectionError|ProtocolError)$/);
      await client.connect(room.server.url ?? "");
      room.server.expose({ answer: () => 42 });
      expect(await client.callRemote("answer")).toBe(42);
    },
  );

  it("a fuzzer on the port, with recorded and damaged links, disturbs nobody", async () => {
    const random = seeded(42);
    await using room = await serve([good], PLAIN);
    room.server.expose({ echo: (x: unknown) => x });
    const said = await conversation(room.server);
    const working = good.run(async ({ client, kept }) => {
      kept.isOver = false;
      let rounds = 0;
      for (; !kept.isOver; rounds++) {
        const value = { rounds, list: [rounds] };
        const back: Loose = await client.callRemote("echo", [value]);
        if (back.list[0] !== rounds) throw new Error("a wrong answer");
        await client.globals.dict.increment("fuzz");
        await client.globals.queues.own.put(rounds);
        if ((await client.globals.queues.own.get()) !== rounds) throw new Error("a wrong item");
      }
      return rounds;
    });
    for (let n = 0; n < 250; n++) {
      const socket = dial(room.server);
      socket.write(damaged(said, random));
      if (n % 3 === 0) socket.write(seededBytes(n, Math.floor(random() * 2000)));
      if (n % 2 === 0) socket.end();
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (sockets.length > 100) sockets.shift()?.destroy();
    }
    for (const socket of sockets) socket.destroy();
    await good.run(({ kept }) => {
      kept.isOver = true;
    });
    expect(await working).toBeGreaterThan(5);
    await expect.poll(() => room.server.clients.length, { timeout: 10_000 }).toBe(1);
    await expectUndisturbed(room.server);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

describe("hostile and odd values", { timeout: 30_000 }, () => {
  let one: Program;
  beforeAll(async () => {
    [one] = (await startPrograms(1)) as [Program];
  });
  const nest = "Array.from({ length: 100000 }).reduce((inner) => [inner], 0)";

  it("arrays nested 100 000 deep are refused where they are sent, in every mechanism", async () => {
    await using room = await serve([one]);
    room.server.expose({
      echo: (x: unknown) => x,
      deep: () => Array.from({ length: 100_000 }).reduce<unknown>((inner) => [inner], 0),
    });
    const seen = await one.run(async ({ client }) => {
      const deep = Array.from({ length: 100_000 }).reduce<unknown>((inner) => [inner], 0);
      const attempts = [
        () => client.send(deep),
        () => client.globals.put(deep),
        () => client.globals.dict.set("deep", deep),
        () => client.callRemote("echo", [deep]),
        () => client.remote.deep(),
      ];
      const codes: unknown[] = [];
      for (const attempt of attempts) {
        codes.push(
          await (async () => attempt())().then(
            () => "accepted",
            (error: Loose) => `${error.name} ${error.code}`,
          ),
        );
      }
      return [...codes, await client.remote.echo("alive")];
    });
    expect(seen).toEqual([...Array(5).fill("LimitError CNR_ERR_TOO_DEEP"), "alive"]);
    await expect(room.peer(0).eval(nest)).rejects.toMatchObject({ code: "CNR_ERR_TOO_DEEP" });
  });

  it("arrays nested 100 000 deep crash nobody where both sides have raised the limit", async () => {
    await using room = await serve([], { limits: { maxDepth: 1_000_000 } });
    await one.connect(room.server.url, { limits: { maxDepth: 1_000_000 } });
    await room.server.clients.waitFor(1);
    const outcome = await room.server.clients[0]?.eval(nest).then(
      () => "arrived",
      (error: Error) => error.name,
    );
    expect(outcome).toMatch(/^(arrived|LimitError|CodecError)$/);
    expect(await room.server.clients[0]?.eval("'alive'")).toBe("alive");
  });

  it("a cyclic result arrives as a cycle", async () => {
    await using room = await serve([one]);
    const ring = await room.peer(0).exec("const ring = { name: 'ring' }; ring.self = ring; return ring");
    expect(ring.self.self.name).toBe("ring");
  });

  it("values whose getters throw, and proxies that lie, fail alone", async () => {
    await using room = await serve([one]);
    const seen = await one.run(async ({ client }) => {
      const trap = {
        fine: 1,
        get bad(): number {
          throw new Error("getter");
        },
      };
      const liar = new Proxy(
        {},
        {
          ownKeys() {
            throw new Error("liar");
          },
        },
      );
      const codes: unknown[] = [];
      for (const value of [trap, [1, { trap }], liar]) {
        codes.push(
          await (async () => client.send(value))().then(
            () => "sent",
            (error: Error) => error instanceof Error,
          ),
        );
        codes.push(
          await (async () => client.callRemote("Math.max", [value]))().then(
            () => "sent",
            (error: Error) => error instanceof Error,
          ),
        );
      }
      await client.send("good");
      return codes;
    });
    expect(seen).toEqual(Array(6).fill(true));
    expect(await room.peer(0).recv()).toBe("good");
  });
});
