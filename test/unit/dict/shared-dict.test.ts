import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { SharedDict } from "../../../src/dict/shared-dict.ts";
import { DictWorld, type JoinedClient } from "./dict-world.ts";
import { sourceFunctions } from "./source-functions.ts";

let world: DictWorld;
let a: JoinedClient;
let b: JoinedClient;
let dict: SharedDict;

beforeEach(async () => {
  world = new DictWorld({ functions: sourceFunctions });
  a = await world.join();
  b = await world.join();
  ({ dict } = a.global);
});
afterEach(() => world.close());

describe("as a Map, a shared dict", () => {
  it("gets, sets, has and deletes", () => {
    expect(dict.set("a", 1).set("b", undefined)).toBe(dict);
    expect([dict.get("a"), dict.get("b"), dict.get("c")]).toEqual([1, undefined, undefined]);
    expect([dict.get("b", "fallback"), dict.get("c", "fallback")]).toEqual([undefined, "fallback"]);
    expect([dict.has("b"), dict.has("c")]).toEqual([true, false]);
    expect([dict.delete("a"), dict.delete("a"), dict.size]).toEqual([true, false, 1]);
  });

  it("lists its keys, values and entries, in order", () => {
    dict.update({ x: 1, y: [2], z: "3" });
    expect([...dict.keys()]).toEqual(["x", "y", "z"]);
    expect([...dict.values()]).toEqual([1, [2], "3"]);
    expect([...dict.entries()]).toEqual([...dict]);
    expect(new Map(dict)).toEqual(new Map<string, unknown>(Object.entries({ x: 1, y: [2], z: "3" })));
    const visited: unknown[] = [];
    dict.forEach((value, key, from) => void visited.push([key, value, from === dict]));
    expect(visited).toEqual([
      ["x", 1, true],
      ["y", [2], true],
      ["z", "3", true],
    ]);
  });

  it("clears", async () => {
    world.server.dict.update({ x: 1, y: 2 });
    dict.clear();
    expect(dict.size).toBe(0);
    await dict.synced();
    expect(world.server.dict.size).toBe(0);
  });

  it("may be changed while it is listed", () => {
    dict.update({ x: 1, y: 2, z: 3 });
    const seen: string[] = [];
    for (const key of dict.keys()) {
      seen.push(key);
      dict.delete(key);
    }
    expect([seen, dict.size]).toEqual([["x", "y", "z"], 0]);
  });

  it("takes every value that can travel, and gives it back", async () => {
    const values = {
      date: new Date(5),
      map: new Map([[{ k: 1 }, new Set([1])]]),
      big: 2n ** 70n,
      bytes: new Uint8Array([1, 2]),
      floats: new Float32Array([1.5]),
      error: new TypeError("x", { cause: "y" }),
      nothing: [undefined, null, Number.NaN, -0],
      text: "\ud800",
    };
    dict.update(values);
    await dict.synced();
    expect(Object.fromEntries(world.server.dict)).toEqual(values);
  });

  it("takes functions, which run where they are called", async () => {
    dict.set("func", (x: number) => x * 2);
    await dict.synced();
    expect(world.server.dict.get("func")(21)).toBe(42);
  });
});

describe("beyond a Map, a shared dict", () => {
  it("pops", () => {
    dict.set("x", 1);
    expect([dict.pop("x"), dict.pop("x"), dict.pop("x", "none")]).toEqual([1, undefined, "none"]);
    expect(dict.size).toBe(0);
  });

  it("sets defaults", async () => {
    expect(dict.setDefault("x", [])).toEqual([]);
    expect(dict.setDefault("x", "other")).toEqual([]);
    await dict.synced();
    expect(world.server.dict.get("x")).toEqual([]);
  });

  it("lets the first of several defaults win, and nobody is told of an error", async () => {
    expect(a.global.dict.setDefault("x", "a")).toBe("a");
    expect(b.global.dict.setDefault("x", "b")).toBe("b");
    await Promise.all([a.global.dict.synced(), b.global.dict.synced()]);
    expect([a.global.dict.get("x"), b.global.dict.get("x")]).toEqual(["a", "a"]);
    expect([a.global.errors, b.global.errors]).toEqual([[], []]);
  });

  it("tells the error event when a default is refused for another reason", async () => {
    world.store.commit = () => {
      throw failure("CNR_ERR_STORE_CLOSED");
    };
    dict.setDefault("x", "a");
    await dict.synced();
    await Promise.resolve();
    expect(a.global.errors).toMatchObject([{ code: "CNR_ERR_STORE_CLOSED" }]);
    expect(dict.has("x")).toBe(false);
  });

  it("updates in one operation, from an object or a Map", async () => {
    const heard: unknown[] = [];
    b.global.dict.on("change", ({ key, changes }) => heard.push([key, changes.length]));
    dict.update({ x: 1, y: 2 });
    dict.update(new Map([["z", 3]]));
    dict.update({});
    await dict.synced();
    await b.global.dict.waitFor("z");
    expect(heard).toEqual([
      ["x", 2],
      ["z", 1],
    ]);
  });

  it("counts what the server has not answered", async () => {
    dict.set("x", 1);
    dict.set("y", 2);
    expect(dict.pending).toBe(2);
    await dict.synced();
    expect(dict.pending).toBe(0);
  });

  it("ends a wait for synced on demand", async () => {
    const controller = new AbortController();
    dict.set("x", 1);
    const synced = dict.synced({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(synced).rejects.toThrow("enough");
    dict.set("x", 2);
    await expect(dict.synced({ timeoutMs: 60_000 })).resolves.toBeUndefined();
  });
});

describe("modify", () => {
  it("gives the function what is there, and sets what it gives", async () => {
    expect(await dict.modify("x", (value) => (value ?? 1) + 1)).toBe(2);
    expect(await dict.modify("x", async (value) => (value ?? 1) + 1)).toBe(3);
    expect(world.server.dict.get("x")).toBe(3);
    await dict.modify("x", () => undefined);
    expect([dict.has("x"), world.server.dict.has("x")]).toEqual([false, false]);
  });

  it("shows at once when the function is quick, in order with the writes around it", async () => {
    const heard: unknown[] = [];
    b.global.dict.on("change", ({ key, value }) => heard.push([key, value]));
    dict.set("x", 1);
    const done = dict.modify("x", (value) => value + 1);
    dict.set("y", 1);
    expect(dict.get("x")).toBe(2);
    await done;
    await b.global.dict.waitFor("y");
    expect(heard).toEqual([
      ["x", 1],
      ["x", 2],
      ["y", 1],
    ]);
  });

  it("loses no step when many modify at once", async () => {
    const steps = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? a : b).global.dict.modify("n", (n = 0) => n + 1),
    );
    const peer = world.server.dict.modify("n", async (n = 0) => n + 1);
    await Promise.all([...steps, peer]);
    expect(world.server.dict.get("n")).toBe(21);
  });

  it("calls the function again when somebody was faster", async () => {
    const seen: unknown[] = [];
    const done = dict.modify("x", async (value) => {
      seen.push(value);
      if (seen.length === 1) {
        world.server.dict.set("x", "theirs");
        await b.global.dict.waitFor("x", (now) => now === "theirs");
      }
      return `${value} and mine`;
    });
    expect(await done).toBe("theirs and mine");
    expect(seen).toEqual([undefined, "theirs"]);
  });

  it("rejects with what the function throws, and changes nothing", async () => {
    const throwing = dict.modify("x", () => {
      throw new Error("no");
    });
    await expect(throwing).rejects.toThrow("no");
    await expect(dict.modify("x", () => Promise.reject(new Error("later")))).rejects.toThrow("later");
    await expect(dict.modify("x", () => Symbol("x"))).rejects.toMatchObject({ code: "CNR_ERR_UNSENDABLE" });
    expect([dict.has("x"), dict.pending]).toEqual([false, 0]);
  });

  it("stops trying when its wait is ended", async () => {
    const controller = new AbortController();
    let calls = 0;
    const done = dict.modify(
      "x",
      async () => {
        calls++;
        controller.abort(new Error("enough"));
        return 1;
      },
      { signal: controller.signal },
    );
    await expect(done).rejects.toThrow("enough");
    await dict.synced();
    expect([calls, world.server.dict.has("x")]).toEqual([1, false]);
    await expect(
      dict.modify("x", () => 1, { signal: AbortSignal.abort(new Error("before")) }),
    ).rejects.toThrow("before");
    expect(dict.has("x")).toBe(false);
  });
});

describe("increment", () => {
  it("counts from 0, by 1 or as told", async () => {
    expect(await dict.increment("n")).toBe(1);
    expect(await dict.increment("n", 10)).toBe(11);
    expect(await dict.increment("n", -0.5)).toBe(10.5);
  });

  it("loses no step when many count at once, and each gets a number of its own", async () => {
    const sides = [a.global, b.global, world.server];
    const numbers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => (sides[n % 3] ?? a.global).dict.increment("n")),
    );
    expect(new Set(numbers)).toEqual(new Set(Array.from({ length: 30 }, (_, n) => n + 1)));
  });

  it("rejects for anything but a number", async () => {
    for (const [value, found] of [
      ["1", "a string"],
      [1n, "a bigint"],
      [null, "null"],
      [[1], "an array"],
      [{}, "an object"],
      [undefined, "undefined"],
    ]) {
      dict.set("n", value);
      await expect(dict.increment("n")).rejects.toMatchObject({
        code: "CNR_ERR_NOT_A_NUMBER",
        details: { key: "n", found },
      });
    }
    await expect(dict.increment("n", "1" as never)).rejects.toThrow(TypeError);
  });

  it("asks the server before it says no", async () => {
    dict.set("n", "text");
    await dict.synced();
    world.server.dict.set("n", 5);
    expect(dict.get("n")).toBe("text");
    expect(await dict.increment("n")).toBe(6);
  });

  it("rejects when the server finds a text where this side saw a number", async () => {
    world.server.dict.set("n", "text");
    await expect(dict.increment("n")).rejects.toMatchObject({
      code: "CNR_ERR_NOT_A_NUMBER",
      details: { found: "a string" },
    });
    expect(dict.get("n")).toBe("text");
  });
});

describe("compareAndSet", () => {
  it("sets when the value is the expected one, by content", async () => {
    expect(await dict.compareAndSet("x", undefined, { a: 1, b: [2] })).toBe(true);
    expect(await dict.compareAndSet("x", { b: [2], a: 1 }, "new")).toBe(true);
    expect(await dict.compareAndSet("x", "new", undefined)).toBe(true);
    expect(world.server.dict.has("x")).toBe(false);
  });

  it("rejects when it is another one, and the own value is taken back", async () => {
    world.server.dict.set("x", "theirs");
    const done = dict.compareAndSet("x", undefined, "mine");
    expect(dict.get("x")).toBe("mine");
    await expect(done).rejects.toMatchObject({
      name: "StoreError",
      code: "CNR_ERR_CONFLICT",
      details: { key: "x" },
    });
    expect(dict.get("x")).toBe("theirs");
  });

  it("looks at the server's value, not at an old one here", async () => {
    dict.set("x", "old");
    await dict.synced();
    world.server.dict.set("x", "new");
    expect(dict.get("x")).toBe("old");
    expect(await dict.compareAndSet("x", "new", "mine")).toBe(true);
    expect(world.server.dict.get("x")).toBe("mine");
  });

  it("does not mind that somebody set the expected value anew", async () => {
    dict.set("x", { n: 1 });
    await dict.synced();
    world.server.dict.set("x", { n: 1 });
    expect(await dict.compareAndSet("x", { n: 1 }, { n: 2 })).toBe(true);
  });

  it("lets one of many win", async () => {
    const sides = [a.global, b.global, world.server];
    const tries = sides.map(({ dict }, n) => dict.compareAndSet("lock", undefined, n));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("follows own writes that are on the way", async () => {
    dict.set("x", 1);
    const [first, second] = [dict.compareAndSet("x", 1, 2), dict.compareAndSet("x", 2, 3)];
    dict.set("y", 1);
    expect([await first, await second, dict.get("x")]).toEqual([true, true, 3]);
    await expect(dict.compareAndSet("x", 1, 4)).rejects.toThrow("has changed");
  });
});

describe("types", () => {
  it("follow the declared variables", () => {
    const typed = new SharedDict<{ progress: number; name: string }>(a.global.replica);
    expectTypeOf(typed.get("progress")).toEqualTypeOf<number | undefined>();
    expectTypeOf(typed.get("progress", "none")).toEqualTypeOf<number | string>();
    expectTypeOf(typed.modify("name", (name) => `${name}!`)).toEqualTypeOf<Promise<string>>();
    expectTypeOf([...typed.keys()]).toEqualTypeOf<("progress" | "name")[]>();
    // @ts-expect-error a name is a text
    typed.set("name", 1);
    // @ts-expect-error there is no such variable
    expect(typed.get("nmae")).toBeUndefined();
    expectTypeOf(dict.get("anything")).toBeAny();
  });
});
