import { describe, expect, it } from "vitest";
import { getContext, RemoteError } from "../../src/index.ts";
import { serve, twoPrograms, type World } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

/** Functions called by name: `expose`, `callRemote`, `remote`. */
describe("calls", { timeout: 30_000 }, () => {
  it("reach what the server exposed, by callRemote and by remote", async () => {
    await using room = await serve(programs);
    room.server.expose({
      add: (a: number, b: number) => a + b,
      later: async (x: number) => x * 2,
      nothing: () => {},
    });
    const calls = ({ client }: World) =>
      Promise.all([
        client.callRemote("add", [1, 2]),
        client.remote.add(3, 4),
        client.remote.later(5),
        client.remote.nothing(),
        client.callRemote("nothing"),
      ]);
    expect(await one.run(calls)).toEqual([3, 7, 10, undefined, undefined]);
    expect(await two.run(calls)).toEqual([3, 7, 10, undefined, undefined]);
  });

  it("are refused where they are made when their arguments are no list, and the link lives on", async () => {
    await using room = await serve(programs);
    room.server.expose({ same: (x: number) => x });
    const calls = async ({ client }: World): Promise<unknown[]> => [
      await client.callRemote("same", 1 as never).catch((error: Error) => `${error.name}: ${error.message}`),
      await client.callRemote("same", [2]),
    ];
    expect(await one.run(calls)).toEqual(["TypeError: the arguments of a call are an array", 2]);
  });

  it("reach what a client exposed, each client its own", async () => {
    await using room = await serve(programs);
    for (const [n, program] of programs.entries()) {
      await program.run(
        ({ client }, who) => client.expose({ whoAmI: () => who, add: (a: number, b: number) => a + b }),
        n,
      );
    }
    expect(await room.peer(0).remote.whoAmI()).toBe(0);
    expect(await room.peer(1).remote.whoAmI()).toBe(1);
    expect(await room.peer(1).callRemote("add", [1, 2])).toBe(3);
  });

  it("reach groups by dotted names; `this` is the object they stand in", async () => {
    await using room = await serve([one]);
    const math = {
      base: () => 100,
      addBase(x: number): number {
        return this.base() + x;
      },
      deep: { est: () => "bottom" },
    };
    room.server.expose({ math });
    expect(
      await one.run(({ client }) =>
        Promise.all([
          client.remote.math.addBase(1),
          client.callRemote("math.addBase", [2]),
          client.remote.math.deep.est(),
        ]),
      ),
    ).toEqual([101, 102, "bottom"]);
  });

  it("reach what one peer exposes for one client alone", async () => {
    await using room = await serve(programs);
    room.peer(0).expose({ secret: () => "for the first" });
    expect(await one.run(({ client }) => client.remote.secret())).toBe("for the first");
    await expect(two.run(({ client }) => client.remote.secret())).rejects.toMatchObject({
      code: "CNR_ERR_UNKNOWN_FUNCTION",
    });
  });

  it("reach globals by dotted name, where code is allowed", async () => {
    await using room = await serve([one]);
    expect(
      await one.run(({ client }) =>
        Promise.all([
          client.callRemote("Math.max", [1, 7, 3]),
          client.callRemote("JSON.stringify", [{ a: [1] }]),
          client.callRemote("String.fromCharCode", [72, 105]),
          client.callRemote("console.debug", []),
          client.callRemote("parseInt", ["42"]),
        ]),
      ),
    ).toEqual([7, '{"a":[1]}', "Hi", undefined, 42]);
    expect(await room.peer(0).callRemote("Math.min", [4, 2])).toBe(2);
  });

  it("of an unknown name list close matches", async () => {
    await using room = await serve([one]);
    room.server.expose({ computeSum: () => 1, group: { render: () => 2 } });
    const tell = (name: string) =>
      one.run(
        ({ client }, name) =>
          client.callRemote(name).then(
            () => ({ code: "none", message: "", name: "" }),
            (error) => ({ code: error.code, message: error.message, name: error.name }),
          ),
        name,
      );
    const close = await tell("computSum");
    expect([close.name, close.code]).toEqual(["RemoteError", "CNR_ERR_UNKNOWN_FUNCTION"]);
    expect(close.message).toContain('"computSum"');
    expect(close.message).toContain("computeSum");
    expect((await tell("group.rendr")).message).toContain("group.render");
    for (const name of [
      "xyzzyplugh",
      "",
      ".",
      "a..b",
      "group",
      "constructor",
      "__proto__",
      "toString",
      "group.constructor",
      "hasOwnProperty",
    ]) {
      expect((await tell(name)).code, name).toBe("CNR_ERR_UNKNOWN_FUNCTION");
    }
  });

  it("never reach the inside of an exposed object through its prototypes", async () => {
    await using room = await serve([one], { allow: { code: false } });
    room.server.expose({ add: (a: number, b: number) => a + b });
    for (const name of [
      "add.constructor",
      "add.call",
      "add.bind",
      "constructor.constructor",
      "__proto__.toString",
    ]) {
      await expect(one.run(({ client }, name) => client.callRemote(name, ["1"]), name)).rejects.toMatchObject(
        {
          code: expect.stringMatching(/^CNR_ERR_(UNKNOWN_FUNCTION|NOT_ALLOWED)$/),
        },
      );
    }
  });

  it("tell the function who calls, and of the call's end", async () => {
    await using room = await serve([one]);
    room.server.expose({ whose: () => (getContext().peer as { id: string }).id });
    expect(await one.run(({ client }) => client.remote.whose())).toBe(room.peer(0).id);
  });

  it("carry many arguments of any kind, objects last as the original's kwargs", async () => {
    await using room = await serve([one]);
    room.server.expose({
      echo: (...args: unknown[]) => args,
      scale: (x: number, { by = 2, round = false }: { by?: number; round?: boolean } = {}) =>
        round ? Math.round(x * by) : x * by,
    });
    expect(
      await one.run(async ({ client }) => ({
        none: await client.callRemote("echo"),
        many: await client.remote.echo(...Array.from({ length: 300 }, (_, n) => n)),
        odd: await client.remote.echo(undefined, null, [undefined], { a: undefined }),
        kwargs: await client.callRemote("scale", [1.26, { by: 10, round: true }]),
        defaults: await client.callRemote("scale", [3]),
      })),
    ).toEqual({
      none: [],
      many: Array.from({ length: 300 }, (_, n) => n),
      odd: [undefined, null, [undefined], { a: undefined }],
      kwargs: 13,
      defaults: 6,
    });
  });

  it("run at once, a thousand of them, each with its own answer", async () => {
    await using room = await serve(programs);
    room.server.expose({
      square: async (x: number) => {
        if (x % 3 === 0) await new Promise((resolve) => setTimeout(resolve, x % 7));
        return x * x;
      },
    });
    const all = ({ client }: World) =>
      Promise.all(Array.from({ length: 1000 }, (_, x) => client.remote.square(x)));
    const squares = Array.from({ length: 1000 }, (_, x) => x * x);
    expect(await Promise.all([one.run(all), two.run(all)])).toEqual([squares, squares]);
  });

  it("go deep in both directions without a dead-lock", async () => {
    await using room = await serve([one]);
    room.server.expose({
      down: async (depth: number): Promise<number> =>
        depth === 0 ? 0 : 1 + (await room.peer(0).remote.down(depth - 1)),
    });
    await one.run(({ client }) =>
      client.expose({
        down: async (depth: number) => (depth === 0 ? 0 : 1 + (await client.remote.down(depth - 1))),
      }),
    );
    expect(await one.run(({ client }) => client.remote.down(60))).toBe(60);
    expect(await room.peer(0).remote.down(61)).toBe(61);
  });

  it("go round over three programs: a client asks the server, which asks the other client", async () => {
    await using room = await serve(programs);
    room.server.expose({ ask: (n: number, what: string) => room.peer(n).callRemote("answer", [what]) });
    await two.run(({ client }) => client.expose({ answer: (what: string) => `two says ${what}` }));
    await one.run(({ client }) =>
      client.expose({ answer: async (what: string) => `one heard ${await client.remote.ask(1, what)}` }),
    );
    expect(await room.peer(0).remote.answer("hello")).toBe("one heard two says hello");
  });

  it("work while another call blocks on the other side's await", async () => {
    await using room = await serve([one]);
    let release = (): void => undefined;
    room.server.expose({
      block: () =>
        new Promise<string>((resolve) => {
          release = () => resolve("released");
        }),
      free: () => release(),
    });
    expect(
      await one.run(async ({ client }) => {
        const blocked = client.remote.block();
        const before = blocked.state;
        await client.remote.free();
        return [before, await blocked, blocked.state];
      }),
    ).toEqual(["pending", "released", "fulfilled"]);
  });

  it("whose result cannot be sent fail alone", async () => {
    await using room = await serve([one]);
    room.server.expose({ bad: () => ({ inside: [Symbol("s")] }), good: () => "fine" });
    const seen = await one.run(async ({ client }) => {
      const bad = await client.remote
        .bad()
        .catch((error: Error & { code: string }) => [error.name, error.code, error.message]);
      return { bad, good: await client.remote.good() };
    });
    expect(seen.bad[1]).toBe("CNR_ERR_UNSENDABLE");
    expect(seen.bad[2]).toContain("inside[0]");
    expect(seen.good).toBe("fine");
  });

  it("whose arguments cannot be sent fail where they are made, naming the path", async () => {
    await using room = await serve([one]);
    let called = 0;
    room.server.expose({ count: () => ++called });
    const refused = await one.run(({ client }) =>
      client
        .callRemote("count", [1, { jobs: [{ socket: new WeakMap() }] }])
        .catch((error) => [error.name, error.code, error.message]),
    );
    expect(refused.slice(0, 2)).toEqual(["CodecError", "CNR_ERR_UNSENDABLE"]);
    expect(refused[2]).toContain("jobs[0].socket");
    expect(called).toBe(0);
  });

  it("are refused where the call grant is missing, and nothing runs", async () => {
    await using room = await serve([one], { allow: { call: false } });
    let called = 0;
    room.server.expose({ count: () => ++called });
    await expect(one.run(({ client }) => client.remote.count())).rejects.toMatchObject({
      name: "PermissionError",
      code: "CNR_ERR_NOT_ALLOWED",
      message: expect.stringContaining('"call"'),
    });
    expect(called).toBe(0);
    await one.run(({ client }) => client.expose({ hello: () => "hi" }));
    expect(await room.peer(0).remote.hello()).toBe("hi");
  });

  it("give a RemoteError class that is the library's own", async () => {
    await using room = await serve([one]);
    await expect(room.peer(0).callRemote("no.such")).rejects.toBeInstanceOf(RemoteError);
  });
});
