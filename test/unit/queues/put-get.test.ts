import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import type { FunctionCodec } from "../../../src/codec/function-codec.ts";
import { CodecError, LimitError } from "../../../src/core/errors.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { outcomeOf, turns, worlds } from "./queue-world.ts";

const world = worlds();

describe("put and get", () => {
  it("hand an item from one client to another", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    await a.queue().put({ id: 1 });
    expect(await b.queue().get()).toEqual({ id: 1 });
    expect(await a.queue().size()).toBe(0);
  });

  it("hand an item to a get that waits", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const got = b.queue().get();
    await a.queue().put("late");
    expect(await got).toBe("late");
  });

  it("work between a client and its peer, in both directions and to oneself", async () => {
    const client = world().connect();
    await client.locals.get("q").put("to the server");
    expect(await client.peer.get("q").get()).toBe("to the server");
    await client.peer.get("q").put("to the client");
    expect(await client.locals.get("q").get()).toBe("to the client");
    await client.locals.get("q").put("to myself");
    expect(await client.locals.get("q").get()).toBe("to myself");
    await client.peer.get("q").put("to the server itself");
    expect(await client.peer.get("q").get()).toBe("to the server itself");
  });

  it("keep local queues of one name apart: from other clients' and from the global one", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    await a.locals.get("q").put("a");
    await b.locals.get("q").put("b");
    await a.globals.get("q").put("global");
    expect(await b.peer.get("q").get()).toBe("b");
    expect(await a.peer.get("q").get()).toBe("a");
    expect(await all.server.get("q").get()).toBe("global");
  });

  it("keep the order of the puts, however many there are", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const values = Array.from({ length: 3000 }, (_, n) => n);
    const puts = values.map((n) => a.queue().put(n));
    const gets = values.map(() => b.queue().get());
    await Promise.all(puts);
    expect(await Promise.all(gets)).toEqual(values);
  });

  it("resolve put to nothing, on every way", async () => {
    const all = world();
    const queues = [all.connect().queue("a"), all.server.get("b")];
    for (const queue of queues) {
      expect(await queue.put(1)).toBeUndefined();
      expect(await queue.put(1, { timeoutMs: 5000 })).toBeUndefined();
      expect(await queue.put(1, { timeoutMs: 0 })).toBeUndefined();
      expect(await queue.close()).toBeUndefined();
    }
  });

  it("take higher priorities first, and equal ones in the order of the puts", async () => {
    const queue = world().connect().queue();
    await queue.put("low", { priority: -1 });
    await queue.put("first", {});
    await queue.put("second");
    await queue.put("high", { priority: 7 });
    const got = [];
    for (let n = 0; n < 4; n++) got.push(await queue.get());
    expect(got).toEqual(["high", "first", "second", "low"]);
  });

  it("hold an item back for its delay", async () => {
    const queue = world().connect().queue();
    await queue.put("later", { delayMs: 30 });
    expect(await queue.tryGet()).toBeUndefined();
    expect(await queue.size()).toBe(1);
    expect(await queue.get({ timeoutMs: 5000 })).toBe("later");
  });

  it("store an item with a known id once", async () => {
    const all = world();
    const queue = all.connect().queue();
    await queue.put("once", { id: "x" });
    await queue.put("once", { id: "x" });
    await all.server.get("tasks").put("once", { id: "x" });
    expect(await queue.size()).toBe(1);
  });

  it("do not keep what came with an item alive", async () => {
    const kept: number[] = [];
    class Spy extends MemoryStore {
      override put(...given: Parameters<MemoryStore["put"]>): ReturnType<MemoryStore["put"]> {
        kept.push(given[1].buffer.byteLength);
        return super.put(...given);
      }
    }
    const client = world({ store: new Spy() }).connect();
    await Promise.all(
      Array.from({ length: 1000 }, (_, n) => client.queue().put(`item ${n} ${"x".repeat(30)}`)),
    );
    expect(kept).toHaveLength(1000);
    // The memory that short copies share has one size, which differs from Node to Node; what was read has any.
    expect(new Set(kept).size).toBe(1);
  });

  it("refuse options that make no sense, on this side", async () => {
    const client = world().connect();
    await expect(client.queue().put(1, { priority: 0.5 })).rejects.toThrow(RangeError);
    await expect(client.queue().put(1, { id: "x".repeat(1025) })).rejects.toThrow(/1024 characters/);
    expect(() => client.queue("x".repeat(1025))).toThrow(/1024 characters/);
    expect(client.session.ended).toBeUndefined();
  });
});

describe("values in queues", () => {
  const values: Record<string, unknown> = {
    undefined: undefined,
    null: null,
    empty: "",
    zero: 0,
    "nested things": { a: [1, { b: new Map([["k", new Set([1n])]]) }], at: new Date(5) },
    "short bytes": new Uint8Array([1, 2, 3]),
    "255 bytes with their header": new Uint8Array(253).fill(1),
    "256 bytes with their header": new Uint8Array(254).fill(2),
    "just below an attachment": new Uint8Array(16 * 1024 - 4).fill(3),
    "just an attachment": new Uint8Array(16 * 1024 - 3).fill(4),
    "large bytes": new Uint8Array(3_000_000).fill(5),
    "large text": "é".repeat(500_000),
    "bytes inside": {
      name: "photo",
      data: new Uint8Array(100_000).fill(6),
      more: [new Uint8Array(20_000).fill(7)],
    },
  };
  for (const [name, value] of Object.entries(values)) {
    it(`make their way: ${name}`, async () => {
      const all = world();
      const [a, b] = [all.connect(), all.connect()];
      await a.queue().put("before");
      const put = a.queue().put(value);
      await a.queue().put("after");
      await put;
      const got = [await b.queue().get(), await b.queue().get(), await b.queue().get()];
      // Not toEqual: it takes seconds for megabytes.
      expect(isDeepStrictEqual(got, ["before", value, "after"])).toBe(true);
      await all.server.get("tasks").put(value);
      expect(isDeepStrictEqual(await all.server.get("tasks").get(), value)).toBe(true);
    });
  }

  it("are taken as they are at the call", async () => {
    const all = world();
    const client = all.connect();
    for (const queue of [client.queue(), all.server.get("tasks")]) {
      const value = { list: [1] };
      const put = queue.put(value);
      value.list.push(2);
      await put;
      expect(await queue.get()).toEqual({ list: [1] });
    }
  });

  it("cannot be changed by one getter for another", async () => {
    const all = world();
    const bytes = new Uint8Array(100).fill(1);
    await all.server.get("tasks").put(bytes);
    const got = (await all.server.get("tasks").get()) as Uint8Array;
    got.fill(9);
    expect(bytes[0]).toBe(1);
  });

  it("that cannot travel reject with their path, and nothing else is harmed", async () => {
    const all = world();
    const client = all.connect();
    for (const queue of [client.queue(), all.server.get("tasks")]) {
      const error: unknown = await queue
        .put({ jobs: [{ socket: Symbol("s") }] })
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CodecError);
      expect((error as Error).message).toContain("value.jobs[0].socket");
      await expect(queue.tryPut(() => 1)).rejects.toThrow(CodecError);
      await queue.put("fine");
      expect(await queue.get()).toBe("fine");
    }
  });

  it("that are too large reject with both sizes, and the link stays up", async () => {
    const all = world({ limits: { maxValueBytes: 1000 } });
    const client = all.connect();
    for (const queue of [client.queue(), all.server.get("tasks")]) {
      const error = (await queue.put("x".repeat(1001)).catch((reason: unknown) => reason)) as LimitError;
      expect(error).toBeInstanceOf(LimitError);
      expect(error.details).toMatchObject({ max: 1000, option: "maxValueBytes" });
      await queue.put("x".repeat(900));
      expect(await queue.get()).toBe("x".repeat(900));
    }
  });

  it("hold functions where the table has a codec for them", async () => {
    const functions: FunctionCodec = {
      write: (writer, fn) => writer.string(fn.name),
      read: (reader) => {
        const name = reader.string();
        return () => `I am ${name}`;
      },
    };
    const all = world({ functions });
    const client = all.connect();
    await client.queue().put({ run: function named() {} });
    const got = (await all.server.get("tasks").get()) as { run(): string };
    expect(got.run()).toBe("I am named");
  });

  it("that use a queue while they are read do no harm to what is being put", async () => {
    const all = world();
    const queue = all.server.get("tasks");
    let inner: Promise<unknown> = Promise.resolve();
    const value = {
      first: "x",
      get second() {
        inner = queue.put({ inner: true }).catch((error: unknown) => error);
        return "y";
      },
    };
    await queue.put(value);
    expect(await inner).toBeInstanceOf(CodecError);
    expect(await queue.get()).toEqual({ first: "x", second: "y" });
  });

  it("that get while they are read are told so, and later gets miss nothing", async () => {
    const all = world();
    const queue = all.connect().queue();
    // So that there are places already.
    await queue.tryGet();
    let inner: Promise<unknown>[] = [];
    const before = queue.get();
    await queue.put({
      get now() {
        const { signal } = new AbortController();
        const gets = [
          queue.get(),
          queue.get({ timeoutMs: 60_000 }),
          queue.get({ signal }),
          queue.tryGet(),
          queue.size(),
        ];
        inner = gets.map((get) => get.catch((error: unknown) => error));
        return 1;
      },
    });
    for (const error of await Promise.all(inner)) expect(error).toBeInstanceOf(CodecError);
    expect(await before).toEqual({ now: 1 });
    const later = [queue.get(), queue.get({ timeoutMs: 5000 }), queue.get({ timeoutMs: 5000 })];
    for (const n of [1, 2, 3]) await all.server.get("tasks").put(n);
    expect(await Promise.all(later)).toEqual([1, 2, 3]);
    await turns();
    expect(all.store.size("tasks")).toEqual({ ready: 0, leased: 0, delayed: 0 });
  });

  it("reach a client also when a value for that client is being read just now", async () => {
    const all = world();
    const client = all.connect();
    const got = client.queue().get();
    await turns();
    const other = new Promise<unknown>((resolve) => {
      client.session.handle({ 200: (reader) => resolve(client.session.decoder.decode(reader)) });
    });
    const writer = client.served.begin(200);
    client.served.encoder.encode(writer, {
      get now() {
        void all.server.get("tasks").put("meanwhile");
        return "read";
      },
    });
    client.served.commit();
    expect(await other).toEqual({ now: "read" });
    expect(await got).toBe("meanwhile");
  });
});

describe("the order of asking", () => {
  it("decides between clients and the server itself", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const gets = [];
    for (const queue of [
      a.queue(),
      b.queue(),
      all.server.get("tasks"),
      a.queue(),
      b.queue(),
      all.server.get("tasks"),
    ]) {
      gets.push(outcomeOf(queue.get()));
      await turns(2);
    }
    for (let n = 0; n < 6; n++) await b.queue().put(n);
    await turns();
    expect(gets.map((get) => get.value)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("is not changed by gets that were given up in between", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const abort = new AbortController();
    const first = outcomeOf(a.queue().get({ signal: abort.signal }));
    await turns(2);
    const second = outcomeOf(b.queue().get());
    await turns(2);
    const third = outcomeOf(a.queue().get());
    await turns(2);
    abort.abort();
    await a.queue().put("one");
    await turns();
    expect([first.value, second.value, third.value]).toEqual([undefined, "one", undefined]);
    await a.queue().put("two");
    await turns();
    expect(third.value).toBe("two");
  });

  it("holds between gets with and without a signal on one client", async () => {
    const all = world();
    const queue = all.connect().queue();
    const { signal } = new AbortController();
    const gets = [
      queue.get(),
      queue.get({ signal }),
      queue.get(),
      queue.get({ timeoutMs: 5000 }),
      queue.get(),
    ];
    for (let n = 0; n < 5; n++) void all.server.get("tasks").put(n);
    expect(await Promise.all(gets)).toEqual([0, 1, 2, 3, 4]);
  });

  it("is told to others only after it counts", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const first = outcomeOf(a.queue().get());
    // What a sends behind its get makes b ask: a was first.
    await a.queue("signal").put("asked");
    await b.queue("signal").get();
    const second = outcomeOf(b.queue().get());
    await b.queue().put("x");
    await turns();
    expect([first.value, second.settled]).toEqual(["x", false]);
  });
});
