import { describe, expect, it } from "vitest";
import { serve, twoPrograms } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

/** The shared variables as plain objects: `client.vars`, `peer.vars`, `client.globals.vars`, `server.vars`. */
describe("vars", { timeout: 30_000 }, () => {
  it("are shared by a client and its peer (the original's first example)", async () => {
    await using room = await serve(programs);
    await one.run(async ({ client }) => {
      client.vars.var1 = 256;
      await client.dict.synced();
    });
    expect(room.server.clients[0]?.vars.var1).toBe(256);
    room.peer(0).vars.var1 = "Hello world!";
    expect(
      await one.run(async ({ client }) => {
        await client.dict.waitFor("var1", (value) => value !== 256);
        return client.vars.var1;
      }),
    ).toBe("Hello world!");
  });

  it("of one client are not those of another", async () => {
    await using room = await serve(programs);
    await one.run(async ({ client }) => {
      client.vars.mine = 1;
      await client.dict.synced();
    });
    await two.run(async ({ client }) => {
      client.vars.mine = 2;
      await client.dict.synced();
    });
    expect([room.peer(0).vars.mine, room.peer(1).vars.mine, room.server.vars.mine]).toEqual([
      1,
      2,
      undefined,
    ]);
    expect(await one.run(({ client }) => [client.vars.mine, client.globals.vars.mine])).toEqual([
      1,
      undefined,
    ]);
  });

  it("global ones are shared by the server and all clients (the original's second example)", async () => {
    await using room = await serve(programs);
    await one.run(({ client }) => {
      client.globals.vars.test_var = [0, "well"];
    });
    expect(
      await two.run(async ({ client }) => {
        const seen = await client.globals.dict.waitFor("test_var");
        client.globals.vars.message = "Can somebody bring me some milk?";
        await client.globals.dict.synced();
        return seen;
      }),
    ).toEqual([0, "well"]);
    expect(room.server.vars.test_var).toEqual([0, "well"]);
    expect(room.server.vars.message).toBe("Can somebody bring me some milk?");
  });

  it("show a write at once to its writer, before any answer", async () => {
    await using room = await serve(programs);
    expect(
      await one.run(({ client }) => {
        client.globals.vars.now = { deep: [1] };
        const seen = [client.globals.vars.now, "now" in client.globals.vars];
        delete client.globals.vars.now;
        return [...seen, client.globals.vars.now, "now" in client.globals.vars];
      }),
    ).toEqual([{ deep: [1] }, true, undefined, false]);
    room.server.vars.here = 1;
    expect(room.server.vars.here).toBe(1);
    room.peer(0).vars.here = 2;
    expect(room.peer(0).vars.here).toBe(2);
  });

  it("cannot be written without a link, and are read all the same", async () => {
    const seen = await one.run(async (world) => {
      await world.client?.close();
      world.client = new world.connector.Client();
      const thrown: unknown[] = [];
      for (const vars of [world.client.vars, world.client.globals.vars]) {
        try {
          vars.early = 1;
        } catch (error) {
          thrown.push((error as { code: string }).code);
        }
        thrown.push(vars.early);
      }
      return thrown;
    });
    expect(seen).toEqual(["CNR_ERR_NOT_CONNECTED", undefined, "CNR_ERR_NOT_CONNECTED", undefined]);
  });

  it("are deleted everywhere", async () => {
    await using room = await serve(programs);
    room.server.vars.a = 1;
    room.server.vars.b = 2;
    expect(
      await one.run(async ({ client }) => {
        await client.globals.dict.waitFor("b");
        const deleted = delete client.globals.vars.a;
        await client.globals.dict.synced();
        return [deleted, delete client.globals.vars.a, Object.keys(client.globals.vars)];
      }),
    ).toEqual([true, true, ["b"]]);
    expect("a" in room.server.vars).toBe(false);
    await expect.poll(() => two.run(({ client }) => Object.keys(client.globals.vars))).toEqual(["b"]);
  });

  it("behave as a plain object: keys, entries, spread, JSON, assign, in, for-in, await", async () => {
    await using room = await serve([one]);
    Object.assign(room.server.vars, { first: 1, second: { x: [2] } });
    const seen = await one.run(async ({ client }) => {
      await client.globals.dict.waitFor("second");
      const vars = client.globals.vars;
      const loop: string[] = [];
      for (const key in vars) loop.push(key);
      return {
        keys: Object.keys(vars),
        entries: Object.entries(vars),
        values: Object.values(vars),
        spread: { ...vars },
        json: JSON.stringify(vars),
        has: ["first" in vars, "third" in vars, Object.hasOwn(vars, "first"), "toString" in vars],
        loop,
        awaited: (await vars) === vars,
        missing: [vars.third, vars.then],
        symbol: Reflect.get(vars, Symbol.iterator),
      };
    });
    expect(seen).toEqual({
      keys: ["first", "second"],
      entries: [
        ["first", 1],
        ["second", { x: [2] }],
      ],
      values: [1, { x: [2] }],
      spread: { first: 1, second: { x: [2] } },
      json: '{"first":1,"second":{"x":[2]}}',
      has: [true, false, true, false],
      loop: ["first", "second"],
      awaited: true,
      missing: [undefined, undefined],
      symbol: undefined,
    });
  });

  it.each([
    "get",
    "set",
    "__proto__",
    "constructor",
    "prototype",
    "hasOwnProperty",
    "toString",
    "toJSON",
    "length",
    "0",
    "",
    " ",
    "a.b",
    "a/b",
    "ключ",
    "🔑",
    "\u0000",
    "x".repeat(5000),
  ])("take any text as a key: %j", async (key) => {
    await using room = await serve(programs);
    expect(
      await one.run(async ({ client }, key) => {
        client.globals.vars[key] = { of: key };
        await client.globals.dict.synced();
        return client.globals.vars[key];
      }, key),
    ).toEqual({ of: key });
    expect(room.server.vars[key]).toEqual({ of: key });
    expect(Object.keys(room.server.vars)).toEqual([key]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["of"]).toBeUndefined();
    expect(
      await two.run(async ({ client }, key) => {
        const value = await client.globals.dict.waitFor(key);
        delete client.globals.vars[key];
        await client.globals.dict.synced();
        return [value, key in client.globals.vars, Object.keys(client.globals.vars)];
      }, key),
    ).toEqual([{ of: key }, false, []]);
    expect(Object.keys(room.server.vars)).toEqual([]);
  });

  it("keep `then` readable through the dict only, so that they can be awaited", async () => {
    await using room = await serve([one]);
    room.server.dict.set("then", 1);
    expect(room.server.dict.get("then")).toBe(1);
    expect(await one.run(async ({ client }) => client.globals.dict.waitFor("then"))).toBe(1);
    expect(await room.server.vars).toBe(room.server.vars);
  });

  it("give frozen values: a change in place throws instead of drifting apart", async () => {
    await using room = await serve([one]);
    room.server.vars.list = [1, { deep: [2, 1] }];
    expect(() => room.server.vars.list.push(2)).toThrow(TypeError);
    expect(() => {
      room.server.vars.list[1].deep[0] = 3;
    }).toThrow(TypeError);
    const thrown = await one.run(async ({ client }) => {
      await client.globals.dict.waitFor("list");
      const tries = [
        () => client.globals.vars.list.push(1),
        () => {
          client.globals.vars.list[1].deep = 1;
        },
        () => client.globals.vars.list[1].deep.sort(),
      ];
      return tries.map((attempt) => {
        try {
          attempt();
          return "no error";
        } catch (error) {
          return error instanceof TypeError;
        }
      });
    });
    expect(thrown).toEqual([true, true, true]);
    expect(room.server.vars.list).toEqual([1, { deep: [2, 1] }]);
  });

  it("leave the writer's own object alone: it is neither frozen nor shared", async () => {
    await using room = await serve([]);
    const mine = { list: [1] };
    room.server.vars.mine = mine;
    mine.list.push(2);
    expect(room.server.vars.mine).toEqual({ list: [1] });
    expect(Object.isFrozen(mine)).toBe(false);
  });

  it("refuse what cannot travel where it is written, and stay as they were", async () => {
    await using room = await serve([one]);
    room.server.vars.good = 1;
    const seen = await one.run(async ({ client }) => {
      await client.globals.dict.waitFor("good");
      const tell = (error: Error & { code?: string }) => `${error.name} ${error.code} ${error.message}`;
      const heard: string[] = [];
      client.on("error", (error) => heard.push(tell(error as Error)));
      let thrown = "";
      try {
        client.globals.vars.good = { jobs: [1, 2, 3, { socket: Symbol("s") }] };
      } catch (error) {
        thrown = tell(error as Error);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { told: thrown || heard[0], good: client.globals.vars.good };
    });
    expect(seen.told).toMatch(/^CodecError CNR_ERR_UNSENDABLE .*jobs\[3\]\.socket/);
    expect(seen.good).toBe(1);
    expect(room.server.vars.good).toBe(1);
  });
});
