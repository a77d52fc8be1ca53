import { describe, expect, it } from "vitest";
import { serve, twoPrograms, type World } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

/** The shared variables with methods: `client.dict`, `peer.dict`, `client.globals.dict`, `server.dict`. */
describe("a shared dict", { timeout: 30_000 }, () => {
  it("has the operations of a dict", async () => {
    await using room = await serve([one]);
    const seen = await one.run(({ client }) => {
      const { dict } = client.globals;
      dict.set("a", 1);
      dict.set("b", [2]);
      const each: unknown[] = [];
      dict.forEach((value, key) => {
        each.push([key, value]);
      });
      return {
        get: [dict.get("a"), dict.get("none"), dict.get("none", "fallback"), dict.get("a", "fallback")],
        has: [dict.has("a"), dict.has("none"), dict.has("toString")],
        size: dict.size,
        keys: [...dict.keys()],
        values: [...dict.values()],
        entries: [...dict.entries()],
        iterated: [...dict],
        each,
        setDefault: [dict.setDefault("a", 9), dict.setDefault("c", 3), dict.get("c")],
        pop: [dict.pop("a"), dict.has("a"), dict.pop("a"), dict.pop("a", "gone")],
        deleted: [dict.delete("b"), dict.delete("b")],
        left: [...dict],
      };
    });
    expect(seen).toEqual({
      get: [1, undefined, "fallback", 1],
      has: [true, false, false],
      size: 2,
      keys: ["a", "b"],
      values: [1, [2]],
      entries: [
        ["a", 1],
        ["b", [2]],
      ],
      iterated: [
        ["a", 1],
        ["b", [2]],
      ],
      each: [
        ["a", 1],
        ["b", [2]],
      ],
      setDefault: [1, 3, 3],
      pop: [1, false, undefined, "gone"],
      deleted: [true, false],
      left: [["c", 3]],
    });
    await expect.poll(() => [...room.server.dict]).toEqual([["c", 3]]);
  });

  it("is cleared everywhere", async () => {
    await using room = await serve(programs);
    room.server.dict.update({ a: 1, b: 2, c: 3 });
    await one.run(async ({ client }) => {
      await client.globals.dict.waitFor("c");
      client.globals.dict.clear();
      await client.globals.dict.synced();
    });
    expect([room.server.dict.size, [...room.server.dict]]).toEqual([0, []]);
    expect(
      await two.run(async ({ client }) => {
        await client.globals.dict.waitFor("c", (value) => value === undefined);
        return client.globals.dict.size;
      }),
    ).toBe(0);
  });

  it("gives a joining client all that is there before connect() resolves", async () => {
    await using room = await serve([]);
    const all = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`key${n}`, { n }]));
    room.server.dict.update(all);
    await room.add(one);
    expect(await one.run(({ client }) => ({ ...client.globals.vars }))).toEqual(all);
  });

  it("ends the same everywhere, in the server's order, when all write the same keys at once", async () => {
    await using room = await serve(programs);
    const writeAll = ({ client }: World, who: string) => {
      for (let n = 0; n < 300; n++) client.globals.vars[`k${n % 7}`] = `${who}${n}`;
      return client.globals.dict.synced();
    };
    const writes = Promise.all([one.run(writeAll, "one"), two.run(writeAll, "two")]);
    for (let n = 0; n < 300; n++) {
      room.server.vars[`k${n % 7}`] = `server${n}`;
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writes;
    // A marker written after all of it is ordered after all of it.
    room.server.vars.done = true;
    const read = async ({ client }: World) => {
      await client.globals.dict.waitFor("done");
      return { ...client.globals.vars };
    };
    const final = { ...room.server.vars };
    expect(await one.run(read)).toEqual(final);
    expect(await two.run(read)).toEqual(final);
    expect(Object.keys(final).sort()).toEqual(["done", "k0", "k1", "k2", "k3", "k4", "k5", "k6"]);
  });

  it("never shows a writer an older value while its own write is on the way", async () => {
    await using room = await serve(programs);
    const flickers = one.run(async ({ client }) => {
      const wrong: unknown[] = [];
      for (let n = 0; n < 500; n++) {
        client.globals.vars.contested = `mine ${n}`;
        if (client.globals.vars.contested !== `mine ${n}`) wrong.push(client.globals.vars.contested);
        if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
        // Whatever is there now: not one of my own that is older.
        const seen = String(client.globals.vars.contested);
        if (seen.startsWith("mine") && seen !== `mine ${n}`) wrong.push(seen);
      }
      return wrong;
    });
    for (let n = 0; n < 200; n++) {
      room.server.vars.contested = `server ${n}`;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await flickers).toEqual([]);
  });

  it("update() is one operation and one event", async () => {
    await using room = await serve(programs);
    await two.run(({ client, kept }) => {
      kept.events = [];
      kept.halves = 0;
      client.globals.dict.on("change", () => {
        const { a, b } = client.globals.vars;
        if (a !== b) kept.halves++;
        kept.events.push([a, b]);
      });
    });
    await one.run(async ({ client }) => {
      for (let n = 1; n <= 50; n++) client.globals.dict.update({ a: n, b: n });
      await client.globals.dict.synced();
    });
    expect([room.server.vars.a, room.server.vars.b]).toEqual([50, 50]);
    const seen = await two.run(async ({ client, kept }) => {
      await client.globals.dict.waitFor("b", (b) => b === 50);
      return { halves: kept.halves, last: kept.events.at(-1) };
    });
    expect(seen).toEqual({ halves: 0, last: [50, 50] });
  });

  it("synced() resolves when the server has ordered all writes of this side", async () => {
    await using room = await serve(programs);
    const pending = await one.run(async ({ client }) => {
      const { dict } = client.globals;
      const before = dict.pending;
      for (let n = 0; n < 100; n++) client.globals.vars[`n${n}`] = n;
      const during = dict.pending;
      await dict.synced();
      return [before, during > 0, dict.pending];
    });
    expect(pending).toEqual([0, true, 0]);
    expect(room.server.dict.size).toBe(100);
  });

  it("waitFor() resolves at once for what is there, later for what comes, and takes a test", async () => {
    await using room = await serve(programs);
    room.server.vars.there = 0;
    const waiting = one.run(async ({ client }) => {
      const { dict } = client.globals;
      return [
        await dict.waitFor("there"),
        await dict.waitFor("comes"),
        await dict.waitFor("grows", (value) => value >= 3),
        await dict.waitFor("comes", (value) => value === undefined),
      ];
    });
    await two.run(async ({ client }) => {
      client.globals.vars.comes = "now";
      await client.globals.dict.synced();
      for (let n = 0; n <= 3; n++) {
        client.globals.vars.grows = n;
        await client.globals.dict.synced();
      }
    });
    await expect.poll(() => room.server.vars.grows).toBe(3);
    // The first program has seen it too, and waits for the last: what came and went before would not be seen.
    await one.run(({ client }) => client.globals.dict.waitFor("grows", (value) => value >= 3));
    room.server.dict.delete("comes");
    expect(await waiting).toEqual([0, "now", 3, undefined]);
  });

  it("waitFor() ends by time and by signal", async () => {
    await using room = await serve([]);
    await expect(room.server.dict.waitFor("never", undefined, { timeoutMs: 5 })).rejects.toMatchObject({
      name: "TimeoutError",
      code: "CNR_ERR_TIMEOUT",
    });
    const reason = new Error("mine");
    const signal = AbortSignal.abort(reason);
    await expect(room.server.dict.waitFor("never", undefined, { signal })).rejects.toBe(reason);
  });

  it("changes() tells of every change of other programs and of its own, with the previous value", async () => {
    await using room = await serve(programs);
    const told = one.run(async ({ client }) => {
      const seen: unknown[] = [];
      for await (const { key, value, previous } of client.globals.dict.changes()) {
        seen.push([key, value, previous]);
        if (key === "end") break;
      }
      return seen;
    });
    const toldOfX = two.run(async ({ client }) => {
      const seen: unknown[] = [];
      for await (const { value, previous } of client.globals.dict.changes("x")) {
        seen.push([value, previous]);
        if (value === undefined) break;
      }
      return seen;
    });
    // Both loops have begun when their programs answer: orders are served in order.
    await Promise.all(programs.map((program) => program.run(() => undefined)));
    room.server.vars.x = 1;
    await one.run(async ({ client }) => {
      await client.globals.dict.waitFor("x");
      client.globals.vars.x = 2;
      await client.globals.dict.synced();
    });
    delete room.server.vars.x;
    room.server.vars.end = true;
    expect(await told).toEqual([
      ["x", 1, undefined],
      ["x", 2, 1],
      ["x", undefined, 2],
      ["end", true, undefined],
    ]);
    const xs = (await toldOfX) as unknown[][];
    expect(xs.at(-1)?.[0]).toBeUndefined();
    expect(xs.every((change, n) => n === 0 || change[1] === xs[n - 1]?.[0])).toBe(true);
  });

  it("change events say who wrote: this side or another one", async () => {
    await using room = await serve([one]);
    await one.run(({ client, kept }) => {
      kept.origins = {};
      client.globals.dict.on("change", ({ key, origin }) => {
        kept.origins[key] = origin;
      });
      client.globals.vars.mine = 1;
      return client.globals.dict.synced();
    });
    room.server.vars.theirs = 2;
    expect(
      await one.run(async ({ client, kept }) => {
        await client.globals.dict.waitFor("theirs");
        return kept.origins;
      }),
    ).toEqual({ mine: "local", theirs: "remote" });
  });

  it("a listener that is disposed of hears no more, and one that throws disturbs nobody", async () => {
    await using room = await serve([one]);
    const heard: unknown[] = [];
    const errors: unknown[] = [];
    room.server.on("error", (error) => errors.push(error instanceof Error && error.message));
    room.server.dict.on("change", () => {
      throw new Error("bad listener");
    });
    const listener = room.server.dict.on("change", ({ key }) => heard.push(key));
    await one.run(({ client }) => {
      client.globals.vars.a = 1;
      return client.globals.dict.synced();
    });
    listener[Symbol.dispose]();
    room.server.vars.b = 2;
    expect(heard).toEqual(["a"]);
    expect(await one.run(({ client }) => client.globals.dict.waitFor("b"))).toBe(2);
    expect(errors).toEqual(["bad listener", "bad listener"]);
  });
});
