import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { byValue, Client, type ClientOptions, PermissionError, Server } from "../../src/index.ts";
import type { Grants } from "../../src/security/policy.ts";

type AnyRecord = Client["vars"];

const open: AsyncDisposable[] = [];
let server: Server;
let client: Client;
let errors: unknown[];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

/** A server that grants this, and a client that is connected to it. */
async function connect(allow: Partial<Grants>, options: ClientOptions = {}): Promise<void> {
  server = new Server({ host: "127.0.0.1", allow });
  open.push(server);
  server.vars.secret = "of the server";
  server.expose({ add: (a: number, b: number) => a + b });
  await server.listen();
  client = await join(options);
}

async function join(options: ClientOptions = {}): Promise<Client> {
  const joined = new Client(options);
  open.push(joined);
  errors = [];
  joined.on("error", (error) => errors.push(error));
  await joined.connect(server.url as string);
  return joined;
}

const refusal = (grant: string): unknown =>
  expect.objectContaining({
    name: "PermissionError",
    code: "CNR_ERR_NOT_ALLOWED",
    details: expect.objectContaining({ grant }),
  });

/** The link must have outlived whatever was refused: a call still goes both ways. */
async function expectLinkIsUp(): Promise<void> {
  client.expose({ ping: () => "pong" });
  expect(await server.clients[0]?.callRemote("ping")).toBe("pong");
  expect(client.state).toBe("open");
}

describe("a client without the grant data", { timeout: 20_000 }, () => {
  beforeEach(() => connect({ data: false }));

  it("connects all the same, and calls what is exposed", async () => {
    expect(await client.remote.add(1, 2)).toBe(3);
  });

  it("gets nothing of the global variables, now or when they change", async () => {
    server.vars.later = "written later";
    await client.remote.add(1, 2);
    for (const dict of [client.globals.dict, client.dict]) {
      for (const read of [
        () => dict.get("secret"),
        () => dict.has("secret"),
        () => dict.size,
        () => [...dict],
        () => dict.setDefault("secret", 1),
      ]) {
        expect(read).toThrow(refusal("data") as Error);
      }
    }
    for (const vars of [client.globals.vars, client.vars] as AnyRecord[]) {
      expect(() => vars.secret).toThrow(PermissionError);
      expect(() => "secret" in vars).toThrow(PermissionError);
      expect(() => Object.keys(vars)).toThrow(PermissionError);
      expect(() => ({ ...vars })).toThrow(PermissionError);
    }
    await expectLinkIsUp();
  });

  it("writes no variables, local or global", async () => {
    for (const dict of [client.globals.dict, client.dict]) {
      expect(() => dict.set("x", 1)).toThrow(refusal("data") as Error);
      expect(() => dict.delete("secret")).toThrow(PermissionError);
      expect(() => dict.clear()).toThrow(PermissionError);
      expect(() => dict.update({ x: 1 })).toThrow(PermissionError);
    }
    expect(() => {
      client.globals.vars.x = 1;
    }).toThrow(PermissionError);
    await client.remote.add(1, 2);
    expect(server.dict.has("x")).toBe(false);
    expect(server.vars.secret).toBe("of the server");
    await expectLinkIsUp();
  });

  it("waits for nothing of them: each wait is refused", async () => {
    for (const dict of [client.globals.dict, client.dict]) {
      const waits = [
        dict.waitFor("secret"),
        dict.changes().next(),
        dict.synced(),
        dict.modify("x", () => 1),
        dict.mutate("x", () => 1),
        dict.increment("n"),
        dict.compareAndSet("x", undefined, 1),
      ];
      for (const wait of waits) await expect(wait).rejects.toThrow(refusal("data") as Error);
    }
    await expectLinkIsUp();
  });

  it("prints its variables without failing", async () => {
    const { inspect } = await import("node:util");
    expect(inspect(client.globals.vars)).toContain("data");
    expect(inspect(client)).toBeTypeOf("string");
  });

  it("takes part in no queue", async () => {
    await server.put("an item");
    for (const queue of [client.globals.queues.work, client.queues.work]) {
      const refused = [
        queue.put(1),
        queue.put(1, { timeoutMs: 10_000 }),
        queue.tryPut(1),
        queue.get(),
        queue.get({ timeoutMs: 10_000 }),
        queue.get({ timeoutMs: 0 }),
        queue.tryGet(),
        queue.size(),
        queue.clear(),
        queue.close(),
        (async () => {
          for await (const item of queue) return item;
        })(),
      ];
      for (const wait of refused) await expect(wait).rejects.toThrow(refusal("data") as Error);
    }
    await expect(client.globals.get()).rejects.toThrow(refusal("data") as Error);
    await expectLinkIsUp();
    expect(await server.get()).toBe("an item");
  });

  it("is refused again and again, also by the same queue, and by as many gets as it likes", async () => {
    const queue = client.globals.queues.work;
    for (let round = 0; round < 50; round++) {
      const gets = [queue.get(), queue.get(), queue.get({ timeoutMs: 10_000 }), queue.tryGet()];
      const outcomes = await Promise.allSettled(gets);
      expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
    }
    await expectLinkIsUp();
  });

  it("sends through no pipe: what it sent is dropped, what it waits for ends", async () => {
    const peer = server.clients[0];
    const waiting = client.pipes.chat.recv();
    await client.pipes.chat.send("let me in");
    await expect(waiting).rejects.toThrow(refusal("data") as Error);
    await expect(client.pipes.chat.send("again")).rejects.toThrow(refusal("data") as Error);
    await expect(client.pipes.chat.recv()).rejects.toThrow(refusal("data") as Error);
    expect(() => client.pipes.chat.tryRecv()).toThrow(PermissionError);
    await expect(
      (async () => {
        for await (const value of client.pipes.chat) return value;
      })(),
    ).rejects.toThrow(PermissionError);
    expect(peer?.pipes.chat.tryRecv()).toBeUndefined();
    await expectLinkIsUp();
  });

  it("has sends that wait for room refused with the rest", async () => {
    const sends = Array.from({ length: 40 }, () => client.send(new Uint8Array(100_000)));
    const outcomes = await Promise.allSettled(sends);
    const rejected = outcomes.filter(({ status }) => status === "rejected");
    expect(rejected.length).toBeGreaterThan(20);
    for (const outcome of rejected) expect(outcome).toMatchObject({ reason: refusal("data") });
    await expectLinkIsUp();
  });

  it("still receives what the server sends of its own accord, also through a pipe that it was refused", async () => {
    const peer = server.clients[0];
    await client.pipes.news.send("?").catch(() => {});
    await expect(client.pipes.news.recv()).rejects.toThrow(PermissionError);
    await peer?.pipes.news.send("good news");
    await peer?.send("hello");
    expect(await client.recv()).toBe("hello");
    expect(await client.pipes.news.recv()).toBe("good news");
  });

  it("goes on receiving through a pipe that the server has opened, when its own sending is refused", async () => {
    const peer = server.clients[0];
    await peer?.send("before");
    expect(await client.recv()).toBe("before");
    await client.send("refused");
    await client.remote.add(1, 2);
    await peer?.send("after");
    expect(await client.recv()).toBe("after");
    await expect(client.send("again")).rejects.toThrow(PermissionError);
  });

  it("is given its own again by the next server that grants it", async () => {
    expect(() => client.globals.vars.secret).toThrow(PermissionError);
    await client.send("refused");
    await expect(client.recv()).rejects.toThrow(PermissionError);
    const generous = new Server({ host: "127.0.0.1" });
    open.push(generous);
    generous.vars.secret = "of another";
    await generous.listen();
    await client.connect(generous.url as string);
    expect(client.globals.vars.secret).toBe("of another");
    client.vars.x = 1;
    await client.dict.synced();
    await client.send("hello");
    const answer = client.recv();
    expect(await generous.clients[0]?.recv()).toBe("hello");
    await generous.clients[0]?.send("welcome");
    expect(await answer).toBe("welcome");
  });

  it("leaves the server its own side of what they would share", async () => {
    const peer = server.clients[0];
    if (!peer) throw new Error("no peer");
    peer.vars.x = 1;
    await peer.put("item");
    expect([peer.vars.x, await peer.get()]).toEqual([1, "item"]);
    expect(() => client.vars.x).toThrow(PermissionError);
    await expectLinkIsUp();
  });
});

describe("a client that writes before it knows that it may not", { timeout: 20_000 }, () => {
  it("has its writes taken back, and the error event tells", async () => {
    server = new Server({ host: "127.0.0.1", allow: { data: false } });
    open.push(server);
    await server.listen();
    const early = new Client();
    open.push(early);
    const told: unknown[] = [];
    early.on("error", (error) => told.push(error));
    let isTried = false;
    let outcome: Promise<unknown> | undefined;
    const connecting = early.connect(server.url as string);
    while (!isTried) {
      await new Promise((resolve) => setImmediate(resolve));
      try {
        early.globals.vars.x = 1;
        outcome = early.globals.dict.increment("n");
        outcome.catch(() => {});
        isTried = true;
      } catch (error) {
        // No link yet, or told already.
        isTried = error instanceof PermissionError;
      }
    }
    await connecting;
    if (outcome) {
      await expect(outcome).rejects.toThrow(PermissionError);
      expect(told).toEqual([refusal("data")]);
    }
    expect(() => early.globals.vars.x).toThrow(PermissionError);
    expect(server.dict.has("x")).toBe(false);
  });
});

describe("a client without the grant code", { timeout: 20_000 }, () => {
  beforeEach(() => connect({ code: false }));

  it("runs none: each way is refused with what it was", async () => {
    const refused: [string, Promise<unknown>][] = [
      ["eval", client.eval("1 + 1")],
      ["exec", client.exec("let x = 1")],
      ["calling a function", client.call(() => 1)],
      ['"console.log"', client.callRemote("console.log", ["x"])],
    ];
    for (const [what, call] of refused) {
      await expect(call).rejects.toThrow(refusal("code") as Error);
      await expect(call).rejects.toThrow(what);
    }
    await expectLinkIsUp();
  });

  it("keeps data and calls", async () => {
    expect(await client.remote.add(1, 2)).toBe(3);
    client.globals.vars.x = { deep: [1, new Map([[1, 2]])] };
    await client.globals.dict.synced();
    expect(server.vars.x).toEqual({ deep: [1, new Map([[1, 2]])] });
    await client.globals.put({ item: 1 });
    expect(await server.get()).toEqual({ item: 1 });
  });

  it("puts no function into a dict: the write is taken back, alone", async () => {
    const told = new Promise((resolve) => client.on("error", resolve));
    client.globals.vars.before = 1;
    client.globals.vars.f = () => 1;
    client.globals.vars.after = 2;
    expect(client.globals.vars.f).toBeTypeOf("function");
    expect(await told).toEqual(refusal("code"));
    expect(String(await told)).toContain('"f"');
    await client.globals.dict.synced();
    expect({ ...server.vars }).toEqual({ secret: "of the server", before: 1, after: 2 });
    expect({ ...client.globals.vars }).toEqual({ secret: "of the server", before: 1, after: 2 });
  });

  it("gets it into a dict by no other write either", async () => {
    const f = (): number => 1;
    const { dict } = client.globals;
    await dict.set("list", [1, "a long text that a patch keeps ".repeat(20)]).synced();
    const writes = [
      dict.compareAndSet("x", undefined, { f }),
      dict.modify("x", () => [f]),
      dict.mutate("list", (list) => void list.push(f)),
    ];
    for (const write of writes) await expect(write).rejects.toThrow(refusal("code") as Error);
    dict.update({ one: 1, two: new Map([["f", f]]) });
    dict.setDefault("y", f);
    await dict.synced();
    expect([dict.has("one"), dict.has("x"), dict.has("y"), server.vars.list.length]).toEqual([
      false,
      false,
      false,
      2,
    ]);
    expect(errors).toEqual([refusal("code"), refusal("code")]);
    await expectLinkIsUp();
  });

  it("nor into the dict that it shares with its peer", async () => {
    client.vars.f = () => 1;
    await client.dict.synced();
    expect(client.dict.has("f")).toBe(false);
    expect(server.clients[0]?.dict.has("f")).toBe(false);
    expect(errors).toEqual([refusal("code")]);
  });

  it("puts none into a queue", async () => {
    for (const queue of [client.globals.queues.work, client.queues.work]) {
      await expect(queue.put([() => 1])).rejects.toThrow(refusal("code") as Error);
      await expect(queue.tryPut({ f: byValue(() => 1) })).rejects.toThrow(refusal("code") as Error);
      await queue.put("data");
      expect(await queue.size()).toBe(1);
    }
    await expectLinkIsUp();
  });

  it("may read those that others have put there: running them is its own affair", async () => {
    server.vars.f = (x: number) => x * 2;
    await client.globals.dict.waitFor("f");
    expect(client.globals.vars.f(21)).toBe(42);
  });

  it("has none passed on by a server that relays what it receives", async () => {
    const other = await join();
    await client.send({ text: "hello", f: () => 1 });
    const received = await server.clients[0]?.recv();
    await expect(server.broadcast(received)).rejects.toThrow(refusal("code") as Error);
    expect(() => server.dict.set("f", received)).toThrow(refusal("code") as Error);
    await expect(server.put([received.f])).rejects.toThrow(refusal("code") as Error);
    await expect(server.clients[1]?.call(received.f)).rejects.toThrow(refusal("code") as Error);
    server.vars.text = received.text;
    expect(await other.globals.dict.waitFor("text")).toBe("hello");
    expect(other.tryRecv()).toBeUndefined();
  });

  it("leaves the server its own functions, to run and to edit", async () => {
    server.vars.own = { f: (x: number) => x * 2, n: 1 };
    await server.dict.mutate("own", (own) => {
      own.n++;
    });
    await server.put(() => "mine");
    expect([server.vars.own.f(21), server.vars.own.n, (await server.get())()]).toEqual([42, 2, "mine"]);
  });

  it("sends them through a pipe as what cannot be run", async () => {
    await client.send({ f: () => 1 });
    const received = await server.clients[0]?.recv();
    expect(() => received.f()).toThrow(refusal("code") as Error);
  });
});

describe("a client without the grant call", { timeout: 20_000 }, () => {
  beforeEach(() => connect({ call: false }));

  it("calls nothing that is exposed", async () => {
    await expect(client.remote.add(1, 2)).rejects.toThrow(refusal("call") as Error);
    await expect(client.remote.add(1, 2)).rejects.toThrow('"add"');
    await expectLinkIsUp();
  });

  it("keeps the rest", async () => {
    expect(await client.eval("1 + 1")).toBe(2);
    expect(client.globals.vars.secret).toBe("of the server");
  });
});

describe("a server toward a client that grants less", { timeout: 20_000 }, () => {
  it("runs no code there without code, and calls nothing without call", async () => {
    await connect({}, { allow: { code: false, call: false } });
    client.expose({ ping: () => "pong" });
    const peer = server.clients[0];
    await expect(peer?.eval("1")).rejects.toThrow(refusal("code") as Error);
    await expect(peer?.call(() => 1)).rejects.toThrow(refusal("code") as Error);
    await expect(peer?.callRemote("ping")).rejects.toThrow(refusal("call") as Error);
    server.vars.f = () => 1;
    await client.globals.dict.waitFor("f");
    expect(() => client.globals.vars.f()).toThrow(refusal("code") as Error);
    expect(await client.eval("1 + 1")).toBe(2);
  });

  it("sends through no pipe without data", async () => {
    await connect({}, { allow: { data: false } });
    const peer = server.clients[0];
    await peer?.send("unasked");
    await expect(peer?.recv()).rejects.toThrow(refusal("data") as Error);
    await expect(peer?.send("again")).rejects.toThrow(refusal("data") as Error);
    expect(client.tryRecv()).toBeUndefined();
    expect(client.globals.vars.secret).toBe("of the server");
    await expectLinkIsUp();
  });
});

describe("without a key", () => {
  it("code is off, for server and client", async () => {
    server = new Server({ host: "127.0.0.1", key: false });
    open.push(server);
    server.expose({ add: (a: number, b: number) => a + b });
    await server.listen();
    client = await join({ key: false });
    await expect(client.eval("1")).rejects.toThrow(refusal("code") as Error);
    await expect(server.clients[0]?.eval("1")).rejects.toThrow(refusal("code") as Error);
    expect(await client.remote.add(1, 2)).toBe(3);
    server.vars.x = 1;
    expect(await client.globals.dict.waitFor("x")).toBe(1);
  });

  it("code cannot be switched on", () => {
    expect(() => new Server({ host: "127.0.0.1", key: false, allow: { code: true } })).toThrow(TypeError);
    expect(() => new Client({ key: false, allow: { files: true } })).toThrow(TypeError);
  });
});
