import { afterEach, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../src/core/errors.ts";
import { getContext } from "../../../src/rpc/call-context.ts";
import { failureOf, Gate, type Side, sidesOfTests, turns } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

type Stream<T> = AsyncGenerator<T, void, undefined>;

/** Exposes `count`, which yields numbers, and tells how far it came and whether its `finally` ran. */
function exposeCounting(side: Side): { yields: number; ended: number } {
  const seen = { yields: 0, ended: 0 };
  side.expose({
    async *count(to: number, failAt = Number.POSITIVE_INFINITY) {
      try {
        for (let n = 1; n <= to; n++) {
          if (n === failAt) throw new RangeError(`at ${n}`);
          seen.yields++;
          yield n;
        }
      } finally {
        seen.ended++;
      }
    },
    echo: (value: unknown) => value,
  });
  return seen;
}

async function valuesOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

describe("an async generator on the other side", () => {
  it("gives its values in order, in both directions, with or without await", async () => {
    const { client, server } = await open();
    const seen = exposeCounting(server);
    exposeCounting(client);
    expect(await valuesOf(client.call<Stream<number>>("count", [5000]))).toEqual(upTo(5000));
    expect(await valuesOf(await client.call<Stream<number>>("count", [3]))).toEqual([1, 2, 3]);
    expect(await valuesOf(server.call<Stream<number>>("count", [3]))).toEqual([1, 2, 3]);
    expect(await valuesOf(client.call<Stream<number>>("count", [0]))).toEqual([]);
    expect(seen.ended).toBe(3);
  });

  it("may come from a promise, from an evaluated expression and from shipped code", async () => {
    const { client, server } = await open();
    server.expose({
      later: async () => {
        await Promise.resolve();
        return (async function* () {
          yield "a";
        })();
      },
    });
    expect(await valuesOf(client.call<Stream<string>>("later"))).toEqual(["a"]);
    const shipped = client.calls.callFunction(
      async function* (n: number) {
        yield n;
        yield n + 1;
      },
      [1],
    );
    expect(await valuesOf((await shipped) as Stream<number>)).toEqual([1, 2]);
    const evaluated = client.calls.run("eval", "(async function* () { yield 7 })()");
    expect(await valuesOf((await evaluated) as Stream<number>)).toEqual([7]);
  });

  it("runs many times at once, each for itself", async () => {
    const { client, server } = await open();
    exposeCounting(server);
    const streams = Array.from({ length: 50 }, (_, n) => valuesOf(client.call<Stream<number>>("count", [n])));
    expect(await Promise.all(streams)).toEqual(Array.from({ length: 50 }, (_, n) => upTo(n)));
  });

  it("knows who called it, and when its reader has left", async () => {
    const { client, server } = await open();
    let signal: AbortSignal | undefined;
    server.expose({
      async *endless() {
        ({ signal } = getContext());
        yield getContext().peer;
        await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      },
    });
    for await (const who of client.call<Stream<unknown>>("endless")) {
      expect(who).toBe("the client");
      break;
    }
    await turns();
    expect(signal?.aborted).toBe(true);
  });

  it("can be passed on as the result of another call", async () => {
    const { client, server } = await open();
    const seen = exposeCounting(client);
    server.expose({ relay: (n: number) => server.call<Stream<number>>("count", [n]) });
    expect(await valuesOf(client.call<Stream<number>>("relay", [100]))).toEqual(upTo(100));
    for await (const n of client.call<Stream<number>>("relay", [1e9])) if (n === 3) break;
    await turns();
    expect(seen.ended).toBe(2);
  });
});

describe("a slow reader", () => {
  it("holds the generator, which goes on as it reads", async () => {
    const { client, server } = await open({ limits: { channelWindowBytes: 1000 } });
    const seen = exposeCounting(server);
    const stream = await client.call<Stream<number>>("count", [100_000]);
    await turns(50);
    const held = seen.yields;
    expect(held).toBeGreaterThan(10);
    expect(held).toBeLessThan(1100);
    await turns(50);
    expect(seen.yields).toBe(held);
    for (let n = 1; n <= 2000; n++) expect(await stream.next()).toEqual({ done: false, value: n });
    await turns(50);
    expect(seen.yields).toBeGreaterThan(2000);
    expect(seen.yields).toBeLessThan(3100);
    await stream.return();
  });

  it("is not needed to let others go on beside a generator that never waits", async () => {
    const { client, server } = await open();
    const seen = exposeCounting(server);
    const stream = await client.call<Stream<number>>("count", [1e9]);
    const sofar = seen.yields;
    expect(await client.call("echo", [1])).toBe(1);
    expect(sofar).toBeLessThan(1000);
    expect(seen.yields).toBeLessThan(5000);
    await stream.return();
  });

  it("holds nobody else", async () => {
    const { client, server } = await open({ limits: { channelWindowBytes: 1000 } });
    exposeCounting(server);
    const slow = await client.call<Stream<number>>("count", [100_000]);
    expect(await valuesOf(client.call<Stream<number>>("count", [5000]))).toEqual(upTo(5000));
    expect(await client.call("echo", [1])).toBe(1);
    await slow.return();
  });
});

describe("leaving a stream", () => {
  it("by break runs the generator's finally", async () => {
    const { client, server } = await open();
    const seen = exposeCounting(server);
    for await (const n of client.call<Stream<number>>("count", [1e9])) if (n === 10) break;
    await turns();
    expect(seen.ended).toBe(1);
    expect(await client.call("echo", ["next"])).toBe("next");
  });

  it("by an error in the loop, by return, by throw and by disposing runs it too", async () => {
    const { client, server } = await open();
    const seen = exposeCounting(server);
    const loop = async (): Promise<void> => {
      for await (const n of client.call<Stream<number>>("count", [1e9])) throw new Error(`mine ${n}`);
    };
    await expect(loop()).rejects.toThrow("mine 1");
    const returned = await client.call<Stream<number>>("count", [1e9]);
    await returned.next();
    expect(await returned.return()).toEqual({ done: true, value: undefined });
    expect(await returned.next()).toEqual({ done: true, value: undefined });
    const thrown = await client.call<Stream<number>>("count", [1e9]);
    await expect(thrown.throw(new Error("enough"))).rejects.toThrow("enough");
    const disposed = await client.call<Stream<number>>("count", [1e9]);
    await disposed[Symbol.asyncDispose]();
    await turns();
    expect(seen.ended).toBe(4);
  });

  it("ends reads that wait", async () => {
    const { client, server } = await open();
    server.expose({
      async *silent() {
        yield await new Promise((resolve) => getContext().signal.addEventListener("abort", resolve));
      },
    });
    const stream = await client.call<Stream<unknown>>("silent");
    const reads = [stream.next(), stream.next()];
    await turns();
    await stream.return();
    expect(await Promise.all(reads)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  it("by cancelling before the first value ends the generator", async () => {
    const { client, server } = await open();
    const seen = exposeCounting(server);
    for (const wait of [0, 1]) {
      const call = client.call<Stream<number>>("count", [1e9]);
      if (wait) client.session.flush();
      call.cancel();
      expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_CANCELLED" });
    }
    await turns();
    expect([seen.ended, seen.yields > 0]).toEqual([2, true]);
    expect(await client.call("echo", [1])).toBe(1);
  });

  it("leaves what the generator throws on its way out to nobody", async () => {
    const { client, server } = await open();
    server.expose({
      async *clumsy() {
        try {
          for (;;) yield 1;
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: what is tested
          throw new Error("in finally");
        }
      },
      echo: (value: unknown) => value,
    });
    for await (const one of client.call<Stream<number>>("clumsy")) {
      expect(one).toBe(1);
      break;
    }
    await turns();
    expect(await client.call("echo", [2])).toBe(2);
  });

  it("frees its channel: more streams follow one another than may be open at once", async () => {
    const { client, server } = await open({ limits: { maxChannels: 4 } });
    exposeCounting(server);
    for (let n = 0; n < 20; n++) {
      for await (const value of client.call<Stream<number>>("count", [n % 2 ? 3 : 1e9]))
        if (value === 3) break;
      await turns(3);
    }
    expect(await valuesOf(client.call<Stream<number>>("count", [2]))).toEqual([1, 2]);
  });
});

describe("a stream that fails", () => {
  it("gives what was yielded before, then the error, then nothing", async () => {
    const { client, server } = await open();
    const seen = exposeCounting(server);
    const stream = await client.call<Stream<number>>("count", [10, 4]);
    const got: number[] = [];
    const error = await failureOf(
      (async () => {
        for await (const n of stream) got.push(n);
      })(),
    );
    expect(got).toEqual([1, 2, 3]);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: "at 4" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(seen.ended).toBe(1);
  });

  it("because of a value that cannot be sent ends the generator and says which", async () => {
    const { client, server } = await open();
    let ended = false;
    server.expose({
      async *bad() {
        try {
          yield { fine: 1 };
          yield { socket: new WeakMap() };
        } finally {
          ended = true;
        }
      },
    });
    const stream = await client.call<Stream<unknown>>("bad");
    expect(await stream.next()).toEqual({ done: false, value: { fine: 1 } });
    expect(await failureOf(stream.next())).toMatchObject({
      code: "CNR_ERR_UNSENDABLE",
      details: { path: "value.socket" },
    });
    expect(ended).toBe(true);
  });

  it("with an error that cannot be sent as it is gives it without what cannot", async () => {
    const { client, server } = await open();
    server.expose({
      // biome-ignore lint/correctness/useYield: it fails before
      async *fails() {
        throw Object.assign(new TypeError("no"), { code: "E", socket: new WeakMap() });
      },
    });
    const error = await failureOf((await client.call<Stream<never>>("fails")).next());
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "no", code: "E" });
  });

  it("because too many are open fails that call alone", async () => {
    const { client, server } = await open({ limits: { maxChannels: 2 } });
    exposeCounting(server);
    const streams = [
      await client.call<Stream<number>>("count", [1e9]),
      await client.call<Stream<number>>("count", [1e9]),
    ];
    expect(await failureOf(client.call("count", [1]))).toMatchObject({ code: "CNR_ERR_TOO_MANY" });
    expect(await client.call("echo", [1])).toBe(1);
    for (const stream of streams) await stream.return();
    await turns();
    expect(await valuesOf(client.call<Stream<number>>("count", [1]))).toEqual([1]);
  });
});

describe("the end of the link", () => {
  it("ends the loop with an error, after what had arrived, and the generator with its finally", async () => {
    for (const orderly of [true, false]) {
      const { client, server } = await open();
      const gate = new Gate();
      let ended = false;
      server.expose({
        async *some() {
          try {
            yield 1;
            yield 2;
            await gate.passed;
            yield 3;
          } finally {
            ended = true;
          }
        },
      });
      const stream = await client.call<Stream<number>>("some");
      await turns();
      if (orderly) await server.session.close();
      else server.session.abort(new ConnectionError("CNR_ERR_LINK_LOST", { details: { reason: "pulled" } }));
      await turns();
      expect([await stream.next(), await stream.next()]).toMatchObject([{ value: 1 }, { value: 2 }]);
      // A stream that was cut is not one that has ended, however politely.
      expect(await failureOf(stream.next())).toBeInstanceOf(ConnectionError);
      gate.open();
      await turns();
      expect(ended).toBe(true);
    }
  });

  it("ends a generator that a slow reader holds", async () => {
    const { client, server } = await open({ limits: { channelWindowBytes: 100 } });
    const seen = exposeCounting(server);
    await client.call<Stream<number>>("count", [1e9]);
    await turns();
    await client.session.close();
    await turns();
    expect(seen.ended).toBe(1);
  });
});
