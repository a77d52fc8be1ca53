import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { Future, fail, fulfil } from "../../../src/core/future.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function* counting(): AsyncGenerator<number, void, undefined> {
  yield 1;
  yield 2;
}

describe("a future", () => {
  it("is a promise, and can be given where a promise is asked for", async () => {
    const future = new Future<number>();
    const promise: Promise<number> = future;
    expect(future).toBeInstanceOf(Promise);
    expect(future).toBeInstanceOf(Future);
    expect(Promise.resolve(future)).toBe(future);
    future[fulfil](7);
    expect(await promise).toBe(7);
    expect(await Promise.all([future, Promise.resolve(1)])).toEqual([7, 1]);
    expect(await Promise.race([future, new Promise(() => {})])).toBe(7);
  });

  it("gives plain promises from then, catch and finally", async () => {
    const future = new Future<number>();
    const derived = [future.then((n) => n), future.catch(() => 0), future.finally(() => {})];
    for (const promise of derived) {
      expect(promise).toBeInstanceOf(Promise);
      expect(promise).not.toBeInstanceOf(Future);
      expect(Object.getPrototypeOf(promise)).toBe(Promise.prototype);
    }
    future[fulfil](1);
    expect(await Promise.all(derived)).toEqual([1, 1, 1]);
  });

  it("says where it stands", async () => {
    const future = new Future<string>();
    expect([future.state, future.done(), future.cancelled()]).toEqual(["pending", false, false]);
    future[fulfil]("x");
    expect([future.state, future.done(), future.cancelled()]).toEqual(["fulfilled", true, false]);
    const failed = Future.failed(new Error("no"));
    expect([failed.state, failed.done(), failed.cancelled()]).toEqual(["rejected", true, false]);
    const cancelled = Future.failed(failure("CNR_ERR_CANCELLED", { what: "it" }));
    expect([cancelled.state, cancelled.done(), cancelled.cancelled()]).toEqual(["cancelled", true, true]);
  });

  it("keeps its first outcome", async () => {
    const future = new Future<number>();
    future[fulfil](1);
    future[fulfil](2);
    future[fail](new Error("late"));
    expect([await future, future.state]).toEqual([1, "fulfilled"]);
  });
});

describe("cancel", () => {
  it("stops the work once, by its number, and says whether it was pending", async () => {
    const stopped: number[] = [];
    const future = new Future({ cancel: (id) => void stopped.push(id) }, 42);
    expect(future.cancel()).toBe(true);
    expect(future.cancel()).toBe(false);
    expect(stopped).toEqual([42]);
    expect([future.state, future.cancelled()]).toEqual(["cancelled", true]);
    await expect(future).rejects.toMatchObject({ name: "CancelledError", code: "CNR_ERR_CANCELLED" });
  });

  it("carries its reason as the cause", async () => {
    const reason = new Error("the user left");
    const future = new Future({ cancel: () => {} });
    future.cancel(reason);
    await expect(future).rejects.toMatchObject({ code: "CNR_ERR_CANCELLED", cause: reason });
  });

  it("does nothing to what is done, or has nobody to stop it", async () => {
    const done = new Future<number>({ cancel: () => expect.unreachable() });
    done[fulfil](1);
    expect(done.cancel()).toBe(false);
    expect(await done).toBe(1);
    const alone = new Future<number>();
    expect(alone.cancel()).toBe(false);
    expect(alone.state).toBe("pending");
  });
});

describe("waiting for the outcome", () => {
  it("ends at its time, and the work goes on", async () => {
    const future = new Future<number>();
    await expect(future.result({ timeoutMs: 1 })).rejects.toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    await expect(future.exception({ timeoutMs: 1 })).rejects.toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    expect(future.state).toBe("pending");
    future[fulfil](3);
    expect(await future.result({ timeoutMs: 1000 })).toBe(3);
  });

  it("ends with the reason of its signal, and leaves no listener", async () => {
    const future = new Future<number>();
    const controller = new AbortController();
    const wait = future.result({ signal: controller.signal });
    const settled = future.result({ signal: controller.signal });
    const reason = new Error("enough");
    future[fulfil](1);
    expect(await settled).toBe(1);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(await wait).toBe(1);
    controller.abort(reason);
    await expect(new Future().result({ signal: controller.signal })).rejects.toBe(reason);
  });

  it("gives the failure, or undefined", async () => {
    const error = new Error("no");
    expect(await Future.failed(error).exception()).toBe(error);
    const future = new Future<number>();
    const exception = future.exception();
    future[fulfil](1);
    expect(await exception).toBe(undefined);
    await expect(Future.failed(error).result()).rejects.toBe(error);
  });
});

describe("done callbacks", () => {
  it("are called with the future, each once, never inside the code that settles it", async () => {
    const future = new Future<number>();
    const calls: string[] = [];
    const first = (each: Future<number>): void => void calls.push(`first ${each.state}`);
    future.addDoneCallback(first);
    future.addDoneCallback(first);
    future.addDoneCallback(() => calls.push("second"));
    future[fulfil](1);
    expect(calls).toEqual([]);
    await turn();
    expect(calls).toEqual(["first fulfilled", "second"]);
  });

  it("are called at once, in a microtask, when it is done already", async () => {
    const calls: unknown[] = [];
    const future = Future.failed(new Error("no"));
    future.addDoneCallback((each) => calls.push(each === future));
    expect(calls).toEqual([]);
    await Promise.resolve();
    expect(calls).toEqual([true]);
  });

  it("can be removed", async () => {
    const future = new Future<number>();
    const never = (): void => expect.unreachable();
    future.addDoneCallback(never);
    expect(future.removeDoneCallback(never)).toBe(true);
    expect(future.removeDoneCallback(never)).toBe(false);
    future[fulfil](1);
    await turn();
    expect(future.removeDoneCallback(never)).toBe(false);
  });

  it("hear of a failure and of a cancelling too", async () => {
    const states: string[] = [];
    const note = (future: Future<unknown>): void => void states.push(future.state);
    const failing = new Future();
    const cancelled = new Future({ cancel: () => {} });
    failing.addDoneCallback(note);
    cancelled.addDoneCallback(note);
    failing[fail](new Error("no"));
    cancelled.cancel();
    await turn();
    expect(states).toEqual(["rejected", "cancelled"]);
  });
});

describe("a failure that nobody asks for", () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  let others: NodeJS.UnhandledRejectionListener[] = [];
  beforeEach(() => {
    others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", note);
    unhandled.length = 0;
  });
  afterEach(() => {
    process.off("unhandledRejection", note);
    for (const listener of others) process.on("unhandledRejection", listener);
  });

  it("never ends the process", async () => {
    void Future.failed(new Error("a"));
    new Future({ cancel: () => {} }).cancel();
    void Future.failed(new Error("b")).result();
    const pending = new Future();
    void pending.result({ timeoutMs: 1 });
    void pending.exception({ timeoutMs: 1 });
    void pending.exception({ signal: AbortSignal.abort() });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(unhandled).toEqual([]);
  });

  it("is noticed where somebody built on it, as with other promises", async () => {
    const error = new Error("mine");
    void Future.failed(error).then(() => {});
    await turn();
    expect(unhandled).toEqual([error]);
  });
});

describe("for await over a future", () => {
  it("iterates over the outcome", async () => {
    const future = new Future<AsyncGenerator<number, void, undefined>>();
    const got: number[] = [];
    future[fulfil](counting());
    for await (const value of future) got.push(value);
    expect(got).toEqual([1, 2]);
    expectTypeOf<typeof future>().toExtend<AsyncIterable<number>>();
  });

  it("throws what the future fails with, and refuses what is no stream", async () => {
    const error = new Error("no");
    await expect(Future.failed(error)[Symbol.asyncIterator]().next()).rejects.toBe(error);
    for (const value of [5, null, undefined, "text", {}]) {
      const future = new Future<unknown>();
      future[fulfil](value);
      await expect(future[Symbol.asyncIterator]().next()).rejects.toThrow("the result is not iterable");
    }
  });

  it("ends the outcome when it is left", async () => {
    let ended = false;
    const future = new Future<AsyncGenerator<number, void, undefined>>();
    future[fulfil](
      (async function* () {
        try {
          yield* counting();
        } finally {
          ended = true;
        }
      })(),
    );
    for await (const value of future) if (value === 1) break;
    expect(ended).toBe(true);
  });
});
