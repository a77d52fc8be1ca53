import { beforeAll, describe, expect, it } from "vitest";
import { byReference, keep, release } from "../../src/index.ts";
import { BRIEF, type Program, serve, startPrograms, twoPrograms } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

/** Functions in arguments and results, errors that travel, and async generators. */
describe("live callbacks", { timeout: 30_000 }, () => {
  it("in arguments call back, any number of times, while the call runs", async () => {
    await using room = await serve([one]);
    room.server.expose({
      eachOf: async (list: number[], visit: (n: number) => Promise<number>) => {
        let sum = 0;
        for (const n of list) sum += await visit(n);
        return sum;
      },
      progress: async ({ onProgress }: { onProgress(n: number): void }) => {
        for (let n = 1; n <= 3; n++) onProgress(n);
        return "done";
      },
    });
    expect(
      await one.run(async ({ client }) => {
        const visited: number[] = [];
        const sum = await client.remote.eachOf([1, 2, 3], (n: number) => {
          visited.push(n);
          return n * 10;
        });
        const steps: number[] = [];
        const done = await client.remote.progress({ onProgress: (n: number) => steps.push(n) });
        return { visited, sum, steps, done };
      }),
    ).toEqual({ visited: [1, 2, 3], sum: 60, steps: [1, 2, 3], done: "done" });
  });

  it("in results call the other side, and know their place: one that goes home is itself", async () => {
    await using room = await serve([one]);
    await one.run(({ client, kept }) => {
      kept.mine = () => "mine";
      client.expose({ give: () => kept.mine, isMine: (fn: unknown) => fn === kept.mine });
    });
    const given = await room.peer(0).remote.give();
    expect(await given()).toBe("mine");
    expect(await room.peer(0).remote.isMine(given)).toBe(true);
    expect(await room.peer(0).remote.isMine(() => "mine")).toBe(false);
  });

  it("may take callbacks themselves, to any depth", async () => {
    await using room = await serve([one]);
    room.server.expose({
      bounce: async (n: number, hit: (n: number, back: (n: number) => unknown) => Promise<number>) =>
        hit(n, (m) => m * 2),
    });
    expect(
      await one.run(({ client }) =>
        client.remote.bounce(
          5,
          async (n: number, back: (n: number) => Promise<number>) => (await back(n)) + 1,
        ),
      ),
    ).toBe(11);
  });

  it("are released when the call has ended, unless they are kept", async () => {
    await using room = await serve([one]);
    const stored: ((text: string) => Promise<string>)[] = [];
    room.server.expose({
      forget: (fn: (text: string) => Promise<string>) => void stored.push(fn),
      remember: (fn: (text: string) => Promise<string>) => void stored.push(keep(fn)),
    });
    await one.run(async ({ client }) => {
      await client.remote.forget((text: string) => `forgotten ${text}`);
      await client.remote.remember((text: string) => `kept ${text}`);
    });
    await expect(stored[0]?.("x")).rejects.toMatchObject({ code: "CNR_ERR_RELEASED" });
    expect(await stored[1]?.("x")).toBe("kept x");
    expect(await stored[1]?.("y")).toBe("kept y");
    if (stored[1]) release(stored[1]);
    await expect(stored[1]?.("z")).rejects.toMatchObject({ code: "CNR_ERR_RELEASED" });
  });

  it("of a client that is gone reject", async () => {
    await using room = await serve([one]);
    const stored: (() => Promise<unknown>)[] = [];
    room.server.expose({ remember: (fn: () => Promise<unknown>) => void stored.push(keep(fn)) });
    await one.run(async ({ client }) => {
      await client.remote.remember(() => 1);
      await client.close();
    });
    await expect.poll(() => room.server.clients.length).toBe(0);
    await expect(stored[0]?.()).rejects.toMatchObject({ name: "ConnectionError" });
  });

  it("that throw throw where they are called", async () => {
    await using room = await serve([one]);
    room.server.expose({
      attempt: async (fn: () => Promise<unknown>) =>
        fn().then(
          () => "no error",
          (error: Error) => `${error.name}: ${error.message}`,
        ),
    });
    expect(
      await one.run(({ client }) =>
        client.remote.attempt(() => {
          throw new RangeError("from the callback");
        }),
      ),
    ).toBe("RangeError: from the callback");
  });

  it("a program's whole life of callbacks leaves none lent behind", async () => {
    await using room = await serve([one], { limits: { maxReferences: 50 } });
    room.server.expose({ use: async (fn: (n: number) => Promise<number>, n: number) => (await fn(n)) + 1 });
    expect(
      await one.run(async ({ client }) => {
        let sum = 0;
        for (let n = 0; n < 500; n++) sum += await client.remote.use((x: number) => x, n);
        return sum;
      }),
    ).toBe((499 * 500) / 2 + 500);
  });

  it("travel through pipes where they are marked by byReference, until released", async () => {
    await using room = await serve([one]);
    await one.run(async ({ client, connector, kept }) => {
      kept.seen = [];
      const watch = connector.byReference((file: string) => kept.seen.push(file));
      await client.pipes.watchers.send({ watch, double: (n: number) => n * 2 });
    });
    const { watch, double } = await room.peer(0).pipes.watchers.recv();
    expect([await watch("a.txt"), await watch("b.txt"), double(4)]).toEqual([1, 2, 8]);
    expect(await one.run(({ kept }) => kept.seen)).toEqual(["a.txt", "b.txt"]);
    await room.peer(0).pipes.watchers.send([watch]);
    expect(
      await one.run(async ({ client, kept }) => {
        const [home] = await client.pipes.watchers.recv();
        return [home("c.txt"), kept.seen.length];
      }),
    ).toEqual([3, 3]);
    release(watch);
    await expect(watch("d.txt")).rejects.toMatchObject({ code: "CNR_ERR_RELEASED" });
  });

  it("marked by byReference are refused where a value outlives its link: dicts, queues, broadcasts", async () => {
    await using room = await serve([one]);
    const refused = (path: string): object => ({
      name: "CodecError",
      code: "CNR_ERR_UNSENDABLE",
      message: expect.stringMatching(
        new RegExp(`^${path} cannot be sent: it is marked by byReference, and .*`),
      ),
    });
    const fn = byReference(() => 1);
    expect(() => {
      room.server.vars.watch = { fn };
    }).toThrow(expect.objectContaining(refused("value.fn")));
    expect(room.server.dict.has("watch")).toBe(false);
    await expect(room.server.queues.tasks.put([fn])).rejects.toMatchObject(refused("value\\[0\\]"));
    await expect(room.peer(0).queues.tasks.put({ fn })).rejects.toMatchObject(refused("value.fn"));
    await expect(room.server.broadcast({ fn })).rejects.toMatchObject(refused("value.fn"));
    const heard = await one.run(({ client, connector }) => {
      const own = connector.byReference(() => 1);
      return client.globals.queues.tasks.put({ own }).catch((error: Error) => error.message);
    });
    expect(heard).toContain("value.own cannot be sent: it is marked by byReference");
  });

  it("between two clients go through the server's hands", async () => {
    await using room = await serve(programs);
    room.server.expose({
      passTo: (n: number, fn: () => Promise<unknown>) => room.peer(n).callRemote("use", [fn]),
    });
    await two.run(({ client }) =>
      client.expose({ use: async (fn: () => Promise<string>) => `two got ${await fn()}` }),
    );
    expect(await one.run(({ client }) => client.remote.passTo(1, () => "one's secret"))).toBe(
      "two got one's secret",
    );
  });
});

describe("async generators", { timeout: 30_000 }, () => {
  let one: Program;
  beforeAll(async () => {
    [one] = (await startPrograms(1)) as [Program];
  });

  it("of the other side are async iterables here, under flow control, with and without await", async () => {
    await using room = await serve([one]);
    let made = 0;
    room.server.expose({
      count: async function* (to: number) {
        for (let n = 0; n < to; n++) {
          made++;
          yield { n, bytes: new Uint8Array(32 * 1024) };
        }
      },
    });
    const seen = await one.run(async ({ client }) => {
      const got: number[] = [];
      for await (const { n } of client.remote.count(3)) got.push(n);
      for await (const { n } of await client.remote.count(2)) got.push(n);
      const slow = (await client.remote.count(2000))[Symbol.asyncIterator]();
      await slow.next();
      await client.eval("await new Promise((resolve) => setTimeout(resolve, 30))");
      return { got, slow: await slow.return() };
    });
    expect(seen.got).toEqual([0, 1, 2, 0, 1]);
    expect(made).toBeLessThan(1000);
  });

  it("are ended there when the loop here is left", async () => {
    await using room = await serve([one]);
    let ended = "no";
    room.server.expose({
      forever: async function* () {
        try {
          for (let n = 0; ; n++) yield n;
        } finally {
          ended = "yes";
        }
      },
    });
    expect(
      await one.run(async ({ client }) => {
        for await (const n of client.remote.forever()) if (n === 5) return n;
        return -1;
      }),
    ).toBe(5);
    await expect.poll(() => ended).toBe("yes");
  });

  it("that throw throw after what they gave, and one that is cancelled ends", async () => {
    await using room = await serve([one]);
    room.server.expose({
      fails: async function* () {
        yield 1;
        yield 2;
        throw new RangeError("out");
      },
    });
    expect(
      await one.run(async ({ client }) => {
        const got: unknown[] = [];
        try {
          for await (const n of client.remote.fails()) got.push(n);
        } catch (error) {
          got.push((error as Error).name);
        }
        return got;
      }),
    ).toEqual([1, 2, "RangeError"]);
  });

  it("end with a named error when the other program is killed", async () => {
    const [victim] = (await startPrograms(1)) as [Program];
    await using room = await serve([victim], BRIEF);
    await victim.run(({ client }) =>
      client.expose({
        slow: async function* () {
          yield 1;
          await new Promise(() => {});
        },
      }),
    );
    const got: unknown[] = [];
    const loop = (async () => {
      for await (const n of room.peer(0).remote.slow()) {
        got.push(n);
        void victim.kill();
      }
    })();
    await expect(loop).rejects.toMatchObject({ name: "ConnectionError", code: "CNR_ERR_SESSION_LOST" });
    expect(got).toEqual([1]);
  });
});

describe("errors thrown on the other side", { timeout: 30_000 }, () => {
  let one: Program;
  beforeAll(async () => {
    [one] = (await startPrograms(1)) as [Program];
  });

  it("keep class, name, message, code, cause, own fields, and show both stacks", async () => {
    await using room = await serve([one]);
    await one.run(({ client }) =>
      client.expose({
        fail: function failingOverThere() {
          throw Object.assign(
            new RangeError("too far", { cause: new TypeError("root", { cause: "text" }) }),
            {
              code: "E_FAR",
              details: { at: [1, 2] },
            },
          );
        },
      }),
    );
    const error = await room.peer(0).remote.fail().exception();
    expect(error).toBeInstanceOf(RangeError);
    const { name, message, code, details, cause, stack } = error as RangeError & Record<string, unknown>;
    expect({ name, message, code, details }).toEqual({
      name: "RangeError",
      message: "too far",
      code: "E_FAR",
      details: { at: [1, 2] },
    });
    expect(cause).toBeInstanceOf(TypeError);
    expect(cause).toMatchObject({ message: "root", cause: "text" });
    expect(stack).toContain("failingOverThere");
    expect(stack).toContain("live-callbacks.test.ts");
    expect(stack?.indexOf("failingOverThere")).toBeLessThan(stack?.indexOf("live-callbacks.test.ts") ?? 0);
  });

  it.each(["Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError", "EvalError", "URIError"])(
    "%s stays itself",
    async (name) => {
      await using room = await serve([one]);
      const error = await room.peer(0).eval(`throw new ${name}("m")`).exception();
      expect((error as Error).constructor.name).toBe(name);
      expect(error).toBeInstanceOf(Error);
    },
  );

  it("of classes of one's own are Errors with their name", async () => {
    await using room = await serve([one]);
    await room.peer(0).exec("class OrderError extends Error { name = 'OrderError'; order = 7 }");
    const error = await room.peer(0).exec("throw new OrderError('sold out')").exception();
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "OrderError", message: "sold out", order: 7 });
  });

  it("AggregateError keeps its errors; Connector's own errors keep their class", async () => {
    await using room = await serve([one]);
    const many = await room
      .peer(0)
      .eval("Promise.any([Promise.reject(new TypeError('a')), Promise.reject(1)])")
      .exception();
    expect(many).toBeInstanceOf(AggregateError);
    expect((many as AggregateError).errors).toEqual([expect.any(TypeError), 1]);
    await one.run(({ client, connector }) =>
      client.expose({ refuse: () => client.recv({ timeoutMs: 1 }), isLoaded: () => connector !== undefined }),
    );
    await expect(room.peer(0).remote.refuse()).rejects.toMatchObject({
      name: "TimeoutError",
      code: "CNR_ERR_TIMEOUT",
    });
  });

  it.each([
    ["'text'", "text"],
    ["42", 42],
    ["null", null],
    ["undefined", undefined],
    ["({ code: 'E', deep: [1] })", { code: "E", deep: [1] }],
  ])("that are no errors arrive all the same: throw %s", async (code, thrown) => {
    await using room = await serve([one]);
    const outcome = await room
      .peer(0)
      .eval(`throw ${code}`)
      .then(
        () => ["resolved", undefined],
        (reason: unknown) => ["rejected", reason],
      );
    expect(outcome[0]).toBe("rejected");
    const [, reason] = outcome as [string, (Error & { cause?: unknown }) | undefined];
    expect(reason instanceof Error ? reason.cause : reason).toEqual(thrown);
  });

  it("that cannot be sent in full say what can be said", async () => {
    await using room = await serve([one]);
    const error = await room
      .peer(0)
      .eval("throw Object.assign(new Error('odd'), { socket: Symbol('s'), good: 1 })")
      .exception();
    expect(error).toMatchObject({ message: "odd" });
    expect(await room.peer(0).eval("'next'")).toBe("next");
  });
});
