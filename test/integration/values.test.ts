import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { type Loose, type Program, serve, startPrograms } from "../fixtures/programs.ts";
import { seededBytes } from "../fixtures/seeded.ts";

class Point {
  x = 1;
  y = [2];
  get sum(): number {
    return this.x;
  }
}

function cyclic(): object {
  const node: Record<string, unknown> = { name: "root", list: [1], map: new Map() };
  node["self"] = node;
  (node["list"] as unknown[]).push(node["list"]);
  (node["map"] as Map<unknown, unknown>).set(node, node);
  return node;
}

function shared(): object {
  const one = { n: 1 };
  return { a: one, b: one, list: [one, one] };
}

const error = Object.assign(new RangeError("outer", { cause: new TypeError("inner") }), {
  code: "E_X",
  at: [1],
});

/** What is sent, and what arrives where that is not equal to it. */
const VALUES: readonly [name: string, value: unknown, arrives?: unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ["true", true],
  ["false", false],
  ["0", 0],
  ["-0", -0],
  [
    "integers at every size",
    [
      1,
      -1,
      127,
      -128,
      255,
      256,
      65_535,
      65_536,
      2 ** 31,
      -(2 ** 31),
      2 ** 32,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ],
  ],
  [
    "fractions and odd numbers",
    [0.1, -1.5, 1e308, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ],
  ["bigints", [0n, -1n, 2n ** 63n, -(2n ** 64n), 10n ** 60n]],
  ["text", ["", "ascii", "ünï", "😀 \u0000 \ud800", "x".repeat(70_000)]],
  ["array with holes and undefined", [1, undefined, null, [], [[]]]],
  ["plain object", { a: 1, "b.c": 2, "": 3, 5: "five", nested: { deep: { er: [1] } } }],
  ["object with undefined", { a: undefined, b: null }],
  [
    "keys that mean something elsewhere",
    JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3,"then":4,"toJSON":5}'),
  ],
  ["object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  [
    "Map",
    new Map<unknown, unknown>([
      ["a", 1],
      [{ key: 1 }, new Map()],
      [Number.NaN, undefined],
    ]),
  ],
  ["Set", new Set<unknown>([1, "a", new Set([2]), undefined])],
  ["Date", [new Date(0), new Date(-1.5e12), new Date(Number.NaN)]],
  ["RegExp", [/a+b/gi, /\//u, /(?<year>\d{4})/y]],
  ["Error with cause, code and own fields", error],
  ["AggregateError", new AggregateError([new Error("a"), 1], "many")],
  ["ArrayBuffer", seededBytes(1, 1000).buffer],
  ["Uint8Array", seededBytes(2, 1000)],
  ["Buffer as Uint8Array", Buffer.from("bytes"), new Uint8Array(Buffer.from("bytes"))],
  [
    "every typed array",
    [
      new Int8Array([-1]),
      new Uint8ClampedArray([300]),
      new Int16Array([-2]),
      new Uint16Array([3]),
      new Int32Array([-4]),
      new Uint32Array([5]),
      new Float32Array([0.5]),
      new Float64Array([0.1]),
      new BigInt64Array([-1n]),
      new BigUint64Array([2n ** 64n - 1n]),
    ],
  ],
  ["DataView", new DataView(new Uint8Array([1, 2, 3]).buffer)],
  ["a view on a part of a buffer", new Uint8Array(seededBytes(3, 100).buffer, 10, 20)],
  ["megabytes", seededBytes(4, 3 << 20)],
  ["boxed values", [new Number(1), new String("s"), new Boolean(false)]],
  ["cycles", cyclic()],
  ["shared references", shared()],
  ["class instance as a plain object", new Point(), { x: 1, y: [2] }],
  ["a hundred levels", Array.from({ length: 100 }).reduce<unknown>((inner) => [inner], "bottom")],
  ["a thousand keys", Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`key${n}`, n]))],
];

/** Each value travels under a key of its own, so that none is taken for another. */
let serial = 0;

const WAYS: Record<
  string,
  (value: unknown, room: Awaited<ReturnType<typeof serve>>, there: Program) => Promise<unknown>
> = {
  "a global variable": async (value, { server }, there) => {
    const key = `x${++serial}`;
    server.dict.set(key, value);
    await there.run(async ({ client }, key) => {
      const { dict } = client.globals;
      await dict.waitFor(key, () => dict.has(key));
      dict.set(`${key} back`, dict.get(key));
      await dict.synced();
    }, key);
    return server.dict.get(`${key} back`);
  },
  "a local variable": async (value, room, there) => {
    const key = `x${++serial}`;
    room.peer(0).dict.set(key, value);
    await there.run(async ({ client: { dict } }, key) => {
      await dict.waitFor(key, () => dict.has(key));
      dict.set(`${key} back`, dict.get(key));
      await dict.synced();
    }, key);
    return room.peer(0).dict.get(`${key} back`);
  },
  "a pipe": async (value, room, there) => {
    const back = there.run(async ({ client }) => client.send(await client.recv()));
    await room.peer(0).send(value);
    await back;
    return room.peer(0).recv();
  },
  "a broadcast": async (value, room, there) => {
    const back = there.run(async ({ client }) => client.send(await client.recv()));
    await room.server.broadcast(value);
    await back;
    return room.peer(0).recv();
  },
  "a global queue": async (value, { server }, there) => {
    await server.queues.to.put(value);
    await there.run(async ({ client }) =>
      client.globals.queues.from.put(await client.globals.queues.to.get()),
    );
    return server.queues.from.get();
  },
  "a local queue": async (value, room, there) => {
    await room.peer(0).queues.to.put(value);
    await there.run(async ({ client }) => client.queues.from.put(await client.queues.to.get()));
    return room.peer(0).queues.from.get();
  },
  "an argument and a result": (value, room) => room.peer(0).callRemote("echo", [value]),
  "call()": (value, room) => room.peer(0).call((x: unknown) => x, [value]),
};

describe.each(Object.entries(WAYS))("through %s", { timeout: 30_000 }, (_, travel) => {
  let one: Program;
  beforeAll(async () => {
    [one] = (await startPrograms(1)) as [Program];
  });

  it("every value arrives as it was, there and back", async () => {
    await using room = await serve([one]);
    await one.run(({ client }) => client.expose({ echo: (x: unknown) => x }));
    for (const [name, value, arrives = value] of VALUES) {
      const back = await travel(value, room, one);
      // The stacks of errors show both ends, and so differ.
      if (value instanceof Error)
        expect(back, name).toMatchObject({ ...value, name: value.name, message: value.message });
      else if (!isDeepStrictEqual(back, arrives)) expect(back, name).toStrictEqual(arrives);
    }
    const looped = (await travel(cyclic(), room, one)) as Loose;
    expect([
      looped.self === looped,
      looped.list[1] === looped.list,
      looped.map.get(looped) === looped,
    ]).toEqual([true, true, true]);
    const twice = (await travel(shared(), room, one)) as Loose;
    expect([twice.a === twice.b, twice.list[0] === twice.a, twice.list[1] === twice.a]).toEqual([
      true,
      true,
      true,
    ]);
    const failed = (await travel(error, room, one)) as Error;
    expect([failed instanceof RangeError, failed.cause instanceof TypeError]).toEqual([true, true]);
    const proto = (await travel(JSON.parse('{"__proto__":{"polluted":1}}'), room, one)) as Loose;
    expect([
      Object.getPrototypeOf(proto) === Object.prototype,
      proto.polluted,
      Object.hasOwn(proto, "__proto__"),
    ]).toEqual([true, undefined, true]);
    expect(Object.getPrototypeOf(await travel(new Point(), room, one))).toBe(Object.prototype);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("what cannot travel is refused on this side with its path, and the link goes on", async () => {
    await using room = await serve([one]);
    await one.run(({ client }) => client.expose({ echo: (x: unknown) => x }));
    const unsendable: readonly [value: unknown, path: string][] = [
      [{ jobs: [1, 2, 3, { socket: Symbol("s") }] }, "jobs[3].socket"],
      [{ a: new WeakMap() }, "a"],
      [[new WeakSet()], "[0]"],
      [{ p: Promise.resolve(1) }, "p"],
      [new Map([["k", Symbol("s")]]), "k"],
    ];
    for (const [value, path] of unsendable) {
      const refused = (async () => travel(value, room, one))();
      // A refused send leaves the other program waiting: it is given something to go on with.
      const reason = await Promise.race([
        refused.then(
          () => "arrived",
          (error: unknown) => error,
        ),
        pause(),
      ]);
      expect(reason).toMatchObject({
        name: "CodecError",
        code: "CNR_ERR_UNSENDABLE",
        message: expect.stringContaining(path),
      });
      await room.peer(0).send("go on");
      await one.run(async ({ client }) => client.tryRecv());
      while (room.peer(0).tryRecv() !== undefined);
    }
    expect(await room.peer(0).callRemote("echo", ["still here"])).toBe("still here");
  });
});

function pause(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, 5000, "still waiting"));
}

describe("a value over the limit", { timeout: 30_000 }, () => {
  it("is refused on the sender's side with size, limit and option, everywhere, and the link stays up", async () => {
    const [one] = (await startPrograms(1)) as [Program];
    await using room = await serve([one], { limits: { maxValueBytes: 100_000 } });
    room.server.expose({ big: () => new Uint8Array(200_000), echo: (x: unknown) => x });
    const refused = await one.run(async ({ client }) => {
      const big = { bytes: new Uint8Array(200_000) };
      const tell = (error: Loose) => [
        error.name,
        error.code,
        error.message.includes("100000"),
        error.message.includes("maxValueBytes"),
      ];
      const attempts: Record<string, () => unknown> = {
        send: () => client.send(big),
        pipe: () => client.pipes.chat.send(big),
        put: () => client.put(big),
        globalPut: () => client.globals.queues.q.put(big),
        vars: () => client.globals.dict.set("big", big),
        local: () => client.dict.set("big", big),
        call: () => client.callRemote("echo", [big]),
        eval: () => client.eval(`"${"x".repeat(200_000)}"`),
        result: () => client.remote.big(),
      };
      const outcome: Record<string, unknown> = {};
      for (const [name, attempt] of Object.entries(attempts)) {
        outcome[name] = await (async () => attempt())().then(() => "accepted", tell);
      }
      return {
        outcome,
        state: client.state,
        has: client.globals.dict.has("big"),
        next: await client.remote.echo("next"),
      };
    });
    const limit = ["LimitError", "CNR_ERR_VALUE_TOO_LARGE", true, true];
    expect(refused.outcome).toEqual({
      send: limit,
      pipe: limit,
      put: limit,
      globalPut: limit,
      vars: limit,
      local: limit,
      call: limit,
      eval: limit,
      result: limit,
    });
    expect([refused.state, refused.has, refused.next]).toEqual(["open", false, "next"]);
    await expect(room.peer(0).send(new Uint8Array(200_000))).rejects.toMatchObject({ name: "LimitError" });
    await expect(room.server.broadcast(new Uint8Array(200_000))).rejects.toMatchObject({
      name: "LimitError",
    });
  });
});
