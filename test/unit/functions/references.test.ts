import { afterEach, describe, expect, it } from "vitest";
import type { AnyFunction } from "../../../src/functions/captured-function.ts";
import { keep, ReferenceTable, release } from "../../../src/functions/references.ts";
import { failureOf, Gate, sidesOfTests, turns } from "../rpc/two-sides.ts";
import { collected } from "./garbage.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

type Callback = (...args: unknown[]) => Promise<unknown>;

/** A table and what it has asked the other side for. */
function tableOf(max = 100): {
  table: ReferenceTable;
  calls: unknown[];
  releases: [id: number, holds: number][];
} {
  const calls: unknown[] = [];
  const releases: [number, number][] = [];
  const table = new ReferenceTable(
    max,
    (id, args) => void calls.push([id, args]),
    (id, holds) => void releases.push([id, holds]),
  );
  return { table, calls, releases };
}

describe("functions lent", () => {
  it("are known by one number, however often they are sent, until all holds are back", () => {
    const { table } = tableOf();
    const fn = (): void => {};
    const id = table.lend(fn);
    expect(table.lend(fn)).toBe(id);
    expect(table.lend(() => {})).not.toBe(id);
    expect(table.find(id)).toBe(fn);
    table.takeBack(id, 1);
    expect(table.find(id)).toBe(fn);
    table.takeBack(id, 1);
    expect([table.find(id), table.lent]).toEqual([undefined, 1]);
  });

  it("get a number of their own when they are lent anew", () => {
    const { table } = tableOf();
    const fn = (): void => {};
    const id = table.lend(fn);
    table.takeBack(id, 1);
    expect(table.lend(fn)).not.toBe(id);
  });

  it("are limited in number; what is lent already may be sent again", () => {
    const { table } = tableOf(2);
    const fn = (): void => {};
    const id = table.lend(fn);
    table.lend(() => {});
    expect(() => table.lend(() => {})).toThrow(
      expect.objectContaining({
        code: "CNR_ERR_TOO_MANY",
        details: expect.objectContaining({ option: "maxReferences" }),
      }),
    );
    expect(table.lend(fn)).toBe(id);
    table.takeBack(id, 2);
    expect(() => table.lend(() => {})).not.toThrow();
  });

  it("are never taken back beyond what was lent", () => {
    const { table } = tableOf();
    const id = table.lend(() => {});
    for (const [number, holds] of [
      [id, 2],
      [id + 1, 1],
      [Number.MAX_SAFE_INTEGER, 1],
    ] as const) {
      expect(() => table.takeBack(number, holds)).toThrow(
        expect.objectContaining({ code: "CNR_ERR_PROTOCOL" }),
      );
    }
    expect(table.lent).toBe(1);
  });
});

describe("functions borrowed", () => {
  it("are one stand-in each, of the same name, that calls with its arguments", () => {
    const { table, calls } = tableOf();
    const proxy = table.borrow(7, "tell");
    expect(table.borrow(7, "tell")).toBe(proxy);
    expect(proxy.name).toBe("tell");
    (proxy as (...args: unknown[]) => unknown)(1, "a");
    expect(calls).toEqual([[7, [1, "a"]]]);
    expect([table.homeOf(proxy), table.homeOf(() => {}), tableOf().table.homeOf(proxy)]).toEqual([
      7,
      undefined,
      undefined,
    ]);
  });

  it("end with the last call that brought them", () => {
    const { table, releases } = tableOf();
    const first = table.collect(() => table.borrow(1, "f"));
    const second = table.collect(() => [table.borrow(1, "f"), table.borrow(1, "f")]);
    expect(first.references).toHaveLength(1);
    expect(second.references).toHaveLength(2);
    table.endOfCall(second.references);
    expect(table.homeOf(first.value)).toBe(1);
    table.endOfCall(first.references);
    expect(table.homeOf(first.value)).toBe(undefined);
    expect(sum(releases)).toEqual({ 1: 3 });
  });

  it("outlive their call when they are kept, until they are released, once", async () => {
    const { table, releases } = tableOf();
    const { value, references } = table.collect(() => table.borrow(1, "f"));
    expect(keep(value)).toBe(value);
    table.endOfCall(references);
    const again = table.collect(() => table.borrow(1, "f"));
    table.endOfCall(again.references);
    expect([again.value === value, releases]).toEqual([true, []]);
    release(value);
    release(value);
    expect(sum(releases)).toEqual({ 1: 2 });
    expect(await failureOf((value as Callback)())).toMatchObject({ code: "CNR_ERR_RELEASED" });
    const fresh = table.borrow(1, "f");
    expect([fresh === value, table.homeOf(fresh)]).toEqual([false, 1]);
  });

  it("of ones own are neither kept nor released", () => {
    const fn = (): number => 1;
    expect(keep(fn)()).toBe(1);
    expect(() => release(fn)).not.toThrow();
  });

  it("that came in a result do not end with a call that brings them again", () => {
    const { table, releases } = tableOf();
    const proxy = table.borrow(1, "f");
    const { references } = table.collect(() => table.borrow(1, "f"));
    table.endOfCall(references);
    expect([table.homeOf(proxy), releases]).toEqual([1, [[1, 1]]]);
  });

  it("are given back when nobody here refers to them any more", async () => {
    const { table, releases } = tableOf();
    const kept = table.borrow(1, "kept");
    (() => {
      table.borrow(2, "dropped");
      table.borrow(2, "dropped");
      keep(table.borrow(3, "kept, then dropped"));
    })();
    await collected(() => releases.length === 2);
    expect(sum(releases)).toEqual({ 2: 2, 3: 1 });
    expect(table.borrow(1, "kept")).toBe(kept);
    expect(table.homeOf(table.borrow(2, "dropped"))).toBe(2);
  });
});

/** Holds given back, by number. */
function sum(releases: readonly [id: number, holds: number][]): Record<number, number> {
  const sums: Record<number, number> = {};
  for (const [id, holds] of releases) sums[id] = (sums[id] ?? 0) + holds;
  return sums;
}

describe("a function in the arguments of a call", () => {
  it("is a live callback, called during the call", async () => {
    const { client, server } = await open();
    const told: unknown[] = [];
    server.expose({
      async each(values: unknown[], tell: Callback) {
        for (const value of values) await tell(value);
        return tell.name;
      },
    });
    const tell = (value: unknown): void => void told.push(value);
    expect(await client.call("each", [[1, { a: 2 }], tell])).toBe("tell");
    expect(told).toEqual([1, { a: 2 }]);
  });

  it("gives what it gives, and throws what it throws", async () => {
    const { client, server } = await open();
    server.expose({ run: async (fn: Callback, arg: unknown) => ({ got: await fn(arg) }) });
    expect(await client.call("run", [async (n: number) => n * 2, 21])).toEqual({ got: 42 });
    const error = await failureOf(
      client.call("run", [
        () => {
          throw new RangeError("callback");
        },
      ]),
    );
    expect(error).toBeInstanceOf(RangeError);
    expect(String((error as Error).stack)).toMatch(
      /ran on memory:2 for a callback[\s\S]*ran on memory:1 for callRemote/,
    );
  });

  it("is released when the call has ended, however it ends", async () => {
    const { client, server } = await open();
    const taken: Callback[] = [];
    const gate = new Gate();
    server.expose({
      take: (fn: Callback) => void taken.push(fn),
      takeLater: async (fn: Callback) => {
        taken.push(fn);
        await gate.passed;
      },
      takeAndFail: (fn: Callback) => {
        taken.push(fn);
        throw new Error("no");
      },
      async *takeAndStream(fn: Callback) {
        taken.push(fn);
        yield await fn();
        yield await fn();
      },
      unsendable(fn: Callback) {
        taken.push(fn);
        return Symbol("s");
      },
    });
    const fn = (): number => 1;
    await client.call("take", [fn]);
    const later = client.call("takeLater", [fn]);
    await turns();
    expect(await taken.at(-1)?.()).toBe(1);
    gate.open();
    await later;
    await failureOf(client.call("takeAndFail", [fn]));
    await failureOf(client.call("unsendable", [fn]));
    await failureOf(client.call("unknown name", [fn]));
    const streamed: unknown[] = [];
    for await (const value of client.call<AsyncGenerator<unknown>>("takeAndStream", [fn]))
      streamed.push(value);
    expect(streamed).toEqual([1, 1]);
    await turns();
    expect(taken).toHaveLength(5);
    for (const each of taken) expect(await failureOf(each())).toMatchObject({ code: "CNR_ERR_RELEASED" });
  });

  it("takes no place for longer than its call", async () => {
    const { client, server } = await open({ limits: { maxReferences: 2 } });
    server.expose({ run: (fn: Callback, n: number) => fn(n) });
    for (let n = 0; n < 20; n++) expect(await client.call("run", [(m: number) => m + 1, n])).toBe(n + 1);
    const error = await failureOf(client.call("run", [() => {}, () => {}, () => {}]));
    expect(error).toMatchObject({ code: "CNR_ERR_TOO_MANY", details: { option: "maxReferences", max: 2 } });
  });

  it("takes no place when it was written twice, or its message was not sent", async () => {
    const { client, server } = await open({ limits: { maxReferences: 1 } });
    server.expose({
      run: (...args: unknown[]) => (args.at(-1) as Callback)(),
      bad: (fn: Callback) => [fn, fn, Symbol("s")],
    });
    for (let n = 0; n < 5; n++) {
      const shared = { n };
      const tell = (): number => n;
      // Written as a tree, with its callback before it is seen to be none, then anew as a graph.
      expect(await client.call("run", [shared, tell, shared, tell])).toBe(n);
      await failureOf(client.call("run", [() => n, new WeakMap()]));
      await failureOf(client.call("bad", [() => n]));
    }
  });

  it("can be kept and called after the call, then given back", async () => {
    const { client, server } = await open();
    let kept: Callback | undefined;
    server.expose({
      subscribe(fn: Callback) {
        kept = keep(fn);
      },
    });
    const heard: unknown[] = [];
    await client.call("subscribe", [(value: unknown) => heard.push(value)]);
    await kept?.("a");
    await kept?.("b");
    expect(heard).toEqual(["a", "b"]);
    if (kept) release(kept);
    expect(await failureOf(kept?.() ?? Promise.resolve())).toMatchObject({ code: "CNR_ERR_RELEASED" });
  });

  it("sent twice is one function there, and comes home as itself", async () => {
    const { client, server } = await open();
    server.expose({
      same: (a: AnyFunction, b: AnyFunction) => a === b,
      back: (fn: AnyFunction) => ({ fn, list: [fn] }),
      pass: (fn: AnyFunction, to: Callback) => to(fn),
    });
    const mine = (): void => {};
    expect(await client.call("same", [mine, mine])).toBe(true);
    expect(await client.call("same", [mine, () => {}])).toBe(false);
    const back = await client.call<{ fn: unknown; list: unknown[] }>("back", [mine]);
    expect([back.fn === mine, back.list[0] === mine]).toEqual([true, true]);
    expect(await client.call("pass", [mine, (fn: unknown) => fn === mine])).toBe(true);
  });

  it("may be a class by name only: it is called, not constructed", async () => {
    const { client, server } = await open();
    server.expose({ run: (fn: Callback) => fn(), name: (fn: AnyFunction) => fn.name });
    const Named = Object.defineProperty(class {}, "name", { value: 5 });
    expect(await client.call("name", [Named])).toBe("5");
    await expect(client.call("run", [Named])).rejects.toBeInstanceOf(TypeError);
  });

  it("works to any depth, callbacks within callbacks", async () => {
    const { client, server } = await open();
    let hops = 0;
    const hop = (n: number, other: Callback): unknown => {
      hops++;
      return n === 0 ? "end" : other(n - 1, hop);
    };
    server.expose({ start: (step: Callback, n: number) => step(n, hop) });
    expect(await client.call("start", [hop, 20])).toBe("end");
    expect(hops).toBe(21);
  });
});

describe("a function in a result", () => {
  it("can be called as long as it is held here", async () => {
    const { client, server } = await open();
    let count = 0;
    server.expose({ counter: () => ({ add: (n: number) => (count += n), get: () => count }) });
    const counter = await client.call<{ add: Callback; get: Callback }>("counter");
    await counter.add(2);
    await counter.add(3);
    expect(await counter.get()).toBe(5);
    release(counter.add);
    expect(await failureOf(counter.add(1))).toMatchObject({ code: "CNR_ERR_RELEASED" });
    expect(await counter.get()).toBe(5);
  });

  it("comes home as itself when it is given back as an argument", async () => {
    const { client, server } = await open();
    const secret = (): string => "s";
    server.expose({ give: () => secret, is: (fn: unknown) => fn === secret });
    const given = await client.call("give");
    expect(await client.call("is", [given])).toBe(true);
    expect(await client.call("is", [() => {}])).toBe(false);
  });

  it("is forgotten there when it is garbage here", async () => {
    const { client, server } = await open({ limits: { maxReferences: 3 } });
    server.expose({ give: (n: number) => () => n });
    await (async () => {
      for (let n = 0; n < 3; n++) await client.call("give", [n]);
    })();
    expect(await failureOf(client.call("give", [3]))).toMatchObject({ code: "CNR_ERR_TOO_MANY" });
    let got: Callback | undefined;
    await collected(async () => {
      got = await client.call<Callback>("give", [4]).catch(() => undefined);
      return got !== undefined;
    });
    expect(await got?.()).toBe(4);
  });

  it("fails with the reason of the link's end, when it is called after it", async () => {
    const { client, server } = await open();
    server.expose({ give: () => () => 1 });
    const fn = await client.call<Callback>("give");
    await client.session.close();
    expect(await failureOf(fn())).toMatchObject({ code: "CNR_ERR_CLOSED", executed: "no" });
    expect(() => release(fn)).not.toThrow();
  });
});

describe("a function in the values of a stream", () => {
  it("is a live callback too", async () => {
    const { client, server } = await open();
    server.expose({
      async *steps() {
        for (let n = 0; n < 3; n++) yield () => n;
      },
    });
    const got: unknown[] = [];
    for await (const step of client.call<AsyncGenerator<Callback>>("steps")) got.push(await step());
    expect(got).toEqual([0, 1, 2]);
  });
});
