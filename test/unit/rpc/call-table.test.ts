import { afterEach, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../src/core/errors.ts";
import type { Future } from "../../../src/core/future.ts";
import { rememberForm } from "../../../src/functions/captured-function.ts";
import { getContext } from "../../../src/rpc/call-context.ts";
import { failureOf, Gate, type Side, sidesOfTests, turns } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

describe("a call", () => {
  it("gives what the function gives, at once or later, in both directions", async () => {
    const { client, server } = await open();
    const functions = {
      add: (a: number, b: number) => a + b,
      later: async (a: number) => a * (await Promise.resolve(2)),
    };
    server.expose(functions);
    client.expose(functions);
    expect(await client.call("add", [1, 2])).toBe(3);
    expect(await client.call("later", [4])).toBe(8);
    expect(await server.call("add", ["a", "b"])).toBe("ab");
    expect(await server.call("later", [5])).toBe(10);
  });

  it("carries values as they are, undefined too", async () => {
    const { client, server } = await open();
    server.expose({ echo: (...args: unknown[]) => args, nothing: () => undefined, nil: () => null });
    const values = [
      undefined,
      null,
      1n,
      new Map([[1, new Set(["a"])]]),
      new Date(5),
      new Uint8Array([1, 2]),
      { a: [] },
    ];
    expect(await client.call("echo", values)).toEqual(values);
    expect(await client.call("nothing")).toBe(undefined);
    expect(await client.call("nil")).toBe(null);
  });

  it("has the group as this, and getters of results are read", async () => {
    const { client, server } = await open();
    const counter = {
      n: { count: 7, read: (): number => 0 },
      get(): unknown {
        return this;
      },
    };
    const group = {
      base: () => 10,
      plus(this: { base(): number }, n: number): number {
        return this.base() + n;
      },
    };
    server.expose({ group, get: () => counter.n.count });
    expect(await client.call("group.plus", [5])).toBe(15);
    expect(await client.call("get")).toBe(7);
  });

  it("takes what awaits like a promise as a promise, its first answer only", async () => {
    const { client, server } = await open();
    server.expose({
      twice: () => ({
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        then: (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
          resolve(1);
          resolve(2);
          reject(new Error("late"));
        },
      }),
      throwing: () => ({
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        then: (): void => {
          throw new RangeError("in then");
        },
      }),
      getter: () => ({
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        get then(): never {
          throw new RangeError("in a getter");
        },
      }),
    });
    expect(await client.call("twice")).toBe(1);
    await expect(client.call("throwing")).rejects.toThrow("in then");
    await expect(client.call("getter")).rejects.toThrow("in a getter");
    expect(await client.call("twice")).toBe(1);
  });

  it("is settled by the turn's end when a thousand others are in flight, each with its own answer", async () => {
    const { client, server } = await open();
    const gates = Array.from({ length: 10 }, () => new Gate());
    server.expose({
      square: async (n: number) => {
        await gates[n % 10]?.passed;
        return n * n;
      },
    });
    const calls = Array.from({ length: 1000 }, (_, n) => client.call("square", [n]));
    // Answered in another order than asked.
    for (const gate of gates.toReversed()) {
      await turns(1);
      gate.open();
    }
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 1000 }, (_, n) => n * n));
  });

  it("may call back, and so on to any depth, in both directions", async () => {
    const { client, server } = await open();
    const down = (side: Side) => async (n: number) =>
      n === 0 ? 0 : 1 + Number(await side.call("down", [n - 1]));
    server.expose({ down: down(server) });
    client.expose({ down: down(client) });
    expect(await client.call("down", [50])).toBe(50);
    expect(await server.call("down", [50])).toBe(50);
    expect(await Promise.all([client.call("down", [50]), server.call("down", [49])])).toEqual([50, 49]);
  });

  it("tells the function who calls", async () => {
    const { client, server } = await open();
    const who = (): unknown => getContext().peer;
    server.expose({ who });
    client.expose({ who });
    expect(await client.call("who")).toBe("the client");
    expect(await server.call("who")).toBe("the server");
    expect(() => getContext()).toThrow(TypeError);
  });

  it("of what has no answer yet is settled when the link ends, and says whether it may have run", async () => {
    const { client, server } = await open();
    server.expose({ never: () => new Promise(() => {}), echo: (n: number) => n });
    const calls = [client.call("never"), client.call("never")];
    await client.call("echo");
    const unsent = client.call("echo", [1]);
    server.session.abort(new ConnectionError("CNR_ERR_LINK_LOST", { details: { reason: "pulled" } }));
    for (const call of [...calls, unsent]) {
      const error = await failureOf(call);
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ code: "CNR_ERR_LINK_LOST", executed: "unknown" });
    }
    expect(await failureOf(client.call("echo"))).toMatchObject({ code: "CNR_ERR_LINK_LOST", executed: "no" });
  });

  it("of what never left says that it did not run, and it did not", async () => {
    const { client, server } = await open();
    const ran: unknown[] = [];
    server.expose({
      run(what: unknown) {
        ran.push(typeof what === "string" ? what : "large");
        return new Promise(() => {});
      },
    });
    const sent = client.call("run", ["sent"]);
    await turns();
    // A long one leaves at once, one behind it at the end of the turn: which does not come.
    const large = client.call("run", [new Uint8Array(2_000_000)]);
    const unsent = [client.call("run", ["unsent"]), client.calls.run("eval", "1"), client.call("nobody's")];
    client.session.abort(new ConnectionError("CNR_ERR_LINK_LOST", { details: { reason: "pulled" } }));
    for (const call of [sent, large]) {
      expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_LINK_LOST", executed: "unknown" });
    }
    for (const call of unsent) {
      expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_LINK_LOST", executed: "no" });
    }
    await turns();
    expect(ran[0]).toBe("sent");
    expect(ran).not.toContain("unsent");
  });

  it("of what was called in the turn of a close is sent before it: it may have run", async () => {
    const { client, server } = await open();
    const ran: unknown[] = [];
    server.expose({ run: (what: unknown) => void ran.push(what) });
    const call = client.call("run", ["last"]);
    const closing = client.session.close();
    expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_CLOSED", executed: "unknown" });
    await closing;
    await turns();
    expect(ran).toEqual(["last"]);
  });

  it("of what has no answer yet is settled by an orderly close of either side", async () => {
    for (const closer of ["client", "server"] as const) {
      const sides = await open();
      sides.server.expose({ never: () => new Promise(() => {}), flushed: () => "done" });
      sides.client.expose({ never: () => new Promise(() => {}) });
      const calls = [sides.client.call("never"), sides.server.call("never")];
      await turns();
      const closing = sides[closer].session.close();
      for (const call of calls) {
        const error = await failureOf(call);
        expect(error).toBeInstanceOf(ConnectionError);
        expect(error).toMatchObject({ code: "CNR_ERR_CLOSED", executed: "unknown" });
      }
      await closing;
    }
  });

  it("from a function that goes on after the link's end answers nobody, and harms nobody", async () => {
    const { client, server } = await open();
    const gate = new Gate();
    let aborted: unknown;
    server.expose({
      slow: async () => {
        const { signal } = getContext();
        await gate.passed;
        aborted = signal.reason;
        return 1;
      },
    });
    const call = client.call("slow");
    await turns();
    await client.session.close();
    await failureOf(call);
    gate.open();
    await turns();
    expect(aborted).toMatchObject({ code: "CNR_ERR_CLOSED" });
  });
});

describe("a name", () => {
  it("that is unknown is refused, with names that look like it", async () => {
    const { client, server } = await open();
    server.expose({ multiply: () => 1, math: { divide: () => 2 } });
    const error = await failureOf(client.call("multipli"));
    expect(error).toMatchObject({ name: "RemoteError", code: "CNR_ERR_UNKNOWN_FUNCTION" });
    expect(error).toHaveProperty("message", expect.stringContaining('did you mean "multiply"?'));
    await expect(client.call("math.divde")).rejects.toThrow('did you mean "math.divide"?');
    await expect(client.call("zzzzzzzzzzzz")).rejects.toThrow(/no function "zzzzzzzzzzzz"$/);
    await expect(client.call("")).rejects.toMatchObject({ code: "CNR_ERR_UNKNOWN_FUNCTION" });
  });

  it("that was not exposed is not found, whatever the object inherits", async () => {
    for (const code of [true, false]) {
      const { client, server } = await open({ grants: { code } });
      server.expose({ math: { add: () => 1 } });
      const inherited = [
        "constructor",
        "__proto__",
        "toString",
        "hasOwnProperty",
        "math",
        "math.constructor",
      ];
      for (const name of [
        ...inherited,
        "math.toString",
        "math.__proto__.toString",
        "math.add.call",
        "constructor.constructor",
      ]) {
        await expect(client.call(name), name).rejects.toMatchObject({ code: "CNR_ERR_UNKNOWN_FUNCTION" });
      }
    }
  });

  it("of a global is found only where code is allowed", async () => {
    const { client } = await open();
    expect(await client.call("Math.max", [1, 3, 2])).toBe(3);
    await client.calls.run("exec", "function twice(n) { return n * 2 }");
    expect(await client.call("twice", [4])).toBe(8);
    await expect(client.call("twicee")).rejects.toThrow('did you mean "twice"?');
    const strict = await open({ grants: { code: false } });
    await expect(strict.client.call("Math.max", [1])).rejects.toMatchObject({
      code: "CNR_ERR_NOT_ALLOWED",
      details: { grant: "code" },
    });
    await expect(strict.client.call("Maths.max", [1])).rejects.toMatchObject({
      code: "CNR_ERR_UNKNOWN_FUNCTION",
    });
  });

  it("is found before a global of the same name", async () => {
    const { client, server } = await open();
    server.expose({ parseInt: () => "mine", Math: { max: () => "mine too" } });
    expect(await client.call("parseInt", ["7"])).toBe("mine");
    expect(await client.call("Math.max", [7])).toBe("mine too");
  });
});

describe("without a grant", () => {
  it("nothing runs, and the arguments are still read", async () => {
    const { client, server } = await open({ grants: { call: false, code: false } });
    server.expose({ add: () => expect.unreachable() });
    const { calls } = client;
    const refused: [Future<unknown>, string][] = [
      [client.call("add", [{ a: 1 }, () => {}]), "call"],
      [calls.run("eval", "globalThis.wasRun = true"), "code"],
      [calls.run("exec", "globalThis.wasRun = true"), "code"],
      [calls.callFunction(() => Object.assign(globalThis, { wasRun: true }), [{ a: 1 }]), "code"],
    ];
    for (const [call, grant] of refused) {
      await expect(call).rejects.toMatchObject({ code: "CNR_ERR_NOT_ALLOWED", details: { grant } });
    }
    expect("wasRun" in globalThis).toBe(false);
    expect(server.session.ended).toBe(undefined);
  });
});

describe("a shipped function", () => {
  it("runs there, with its arguments", async () => {
    const { client } = await open();
    expect(await client.calls.callFunction((a: number, b: number) => a ** b, [2, 10])).toBe(1024);
    expect(await client.calls.callFunction(Math.max, [1, 5])).toBe(5);
    expect(await client.calls.callFunction(async (a: string) => `${a}!`, ["x"])).toBe("x!");
  });

  it("that captures something is refused here, naming it, before anything is sent", async () => {
    const { client, server } = await open();
    const factor = [3];
    const before = client.session.sentFrames;
    await expect(client.calls.callFunction((n: number) => n * Number(factor[0]), [1])).rejects.toMatchObject({
      code: "CNR_ERR_CAPTURES",
      message: expect.stringContaining("factor") as string,
    });
    await turns();
    expect(client.session.sentFrames).toBe(before);
    server.expose({ fine: () => 1 });
    expect(await client.call("fine")).toBe(1);
  });

  it("that cannot be compiled there fails its call alone", async () => {
    const { client, server } = await open();
    const error = await failureOf(client.calls.callFunction(nameOnlyHere(), []));
    expect(error).toMatchObject({ code: "CNR_ERR_UNDECODABLE" });
    server.expose({ fine: () => 1 });
    expect(await client.call("fine")).toBe(1);
    expect(server.session.ended).toBe(undefined);
  });
});

/** A function that goes by its name, and that the other side does not find under it. */
function nameOnlyHere(): () => void {
  const fn = (): void => {};
  rememberForm(fn, { kind: "name", module: "", path: "noSuchGlobal" });
  return fn;
}

describe("what cannot be sent", () => {
  it("as an argument rejects before anything is sent, and the sides stay in step", async () => {
    const { client, server } = await open();
    server.expose({ echo: (value: unknown) => value });
    const before = client.session.sentFrames;
    const shape = { fresh: 1, keys: 2 };
    await expect(client.call("echo", [shape, { jobs: [0, Symbol("s")] }])).rejects.toMatchObject({
      code: "CNR_ERR_UNSENDABLE",
      details: { path: "value[1].jobs[1]" },
    });
    await expect(client.call("echo", [new WeakMap()])).rejects.toMatchObject({ code: "CNR_ERR_UNSENDABLE" });
    await turns();
    expect(client.session.sentFrames).toBe(before);
    expect(await client.call("echo", [shape])).toEqual(shape);
    expect(await client.call("echo", [shape])).toEqual(shape);
  });

  it("as a result fails that call alone", async () => {
    const { client, server } = await open();
    server.expose({
      bad: () => ({ deep: { socket: new WeakSet() } }),
      badLater: async () => Symbol("no"),
      good: () => ({ fresh: 1, keys: 2 }),
    });
    const calls = [client.call("bad"), client.call("good"), client.call("badLater"), client.call("good")];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes[0]).toMatchObject({
      reason: { code: "CNR_ERR_UNSENDABLE", details: { path: "value.deep.socket" } },
    });
    expect(outcomes[1]).toMatchObject({ value: { fresh: 1, keys: 2 } });
    expect(outcomes[2]).toMatchObject({ reason: { name: "CodecError" } });
    expect(outcomes[3]).toMatchObject({ value: { fresh: 1, keys: 2 } });
  });

  it("because of its size is refused on the sender's side, and the link stays up", async () => {
    const { client, server } = await open({ limits: { maxValueBytes: 1000 } });
    server.expose({ size: (text: string) => text.length, big: (n: number) => "x".repeat(n) });
    await expect(client.call("size", ["x".repeat(2000)])).rejects.toMatchObject({
      code: "CNR_ERR_VALUE_TOO_LARGE",
    });
    await expect(client.call("big", [2000])).rejects.toMatchObject({ code: "CNR_ERR_VALUE_TOO_LARGE" });
    expect(await client.call("size", ["x".repeat(900)])).toBe(900);
  });
});

describe("maxPendingCalls", () => {
  it("refuses those over it, and takes new ones when some have ended", async () => {
    const { client, server } = await open({ limits: { maxPendingCalls: 3 } });
    const gate = new Gate();
    server.expose({ wait: () => gate.passed, quick: () => 1 });
    const running = [1, 2, 3].map(() => client.call("wait"));
    await expect(client.call("wait")).rejects.toMatchObject({
      code: "CNR_ERR_TOO_MANY",
      details: { max: 3, option: "maxPendingCalls" },
    });
    gate.open();
    await Promise.all(running);
    expect(await client.call("quick")).toBe(1);
  });
});
