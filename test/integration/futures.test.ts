import { beforeAll, describe, expect, it } from "vitest";
import { CancelledError, Future, getContext, TimeoutError } from "../../src/index.ts";
import { BRIEF, type Program, serve, startPrograms } from "../fixtures/programs.ts";

/** The handle of a call that is kept instead of awaited, and how calls are stopped. */
describe("futures", { timeout: 30_000 }, () => {
  let one: Program;
  beforeAll(async () => {
    [one] = (await startPrograms(1)) as [Program];
  });

  it("are promises that know their state", async () => {
    await using room = await serve([one]);
    const future = room.peer(0).eval("new Promise((resolve) => setTimeout(resolve, 20, 'done'))");
    expect(future).toBeInstanceOf(Promise);
    expect(future).toBeInstanceOf(Future);
    expect([future.done(), future.cancelled(), future.state]).toEqual([false, false, "pending"]);
    expect(await future).toBe("done");
    expect([future.done(), future.cancelled(), future.state]).toEqual([true, false, "fulfilled"]);
    expect([await future.result(), await future.exception(), future.cancel()]).toEqual([
      "done",
      undefined,
      false,
    ]);
  });

  it("keep a failure: exception() gives it, result() and await throw it", async () => {
    await using room = await serve([one]);
    const future = room.peer(0).eval("throw new RangeError('too far')");
    const error = await future.exception();
    expect(error).toBeInstanceOf(RangeError);
    expect([future.done(), future.cancelled(), future.state]).toEqual([true, false, "rejected"]);
    await expect(future.result()).rejects.toBe(error);
    await expect(future).rejects.toBe(error);
  });

  it("result() waits for a limited time, and the work goes on", async () => {
    await using room = await serve([one]);
    const future = room.peer(0).eval("new Promise((resolve) => setTimeout(resolve, 60, 'late'))");
    await expect(future.result({ timeoutMs: 1 })).rejects.toBeInstanceOf(TimeoutError);
    const reason = new Error("mine");
    await expect(future.result({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(future.state).toBe("pending");
    expect(await future.result({ timeoutMs: 10_000 })).toBe("late");
  });

  it("tell their done callbacks once, with themselves; a removed one is not told", async () => {
    await using room = await serve([one]);
    const future = room.peer(0).eval("1 + 1");
    const heard: unknown[] = [];
    const removed = (): void => void heard.push("removed");
    future.addDoneCallback((done) => heard.push(done === future));
    future.addDoneCallback(removed);
    expect(future.removeDoneCallback(removed)).toBe(true);
    await future;
    await expect.poll(() => heard).toEqual([true]);
    future.addDoneCallback(() => heard.push("late"));
    await expect.poll(() => heard).toEqual([true, "late"]);
  });

  it("cancel() rejects at once with the reason as cause, and aborts the function there", async () => {
    await using room = await serve([one]);
    const started = deferred();
    const aborted = deferred<unknown>();
    room.server.expose({
      endless: () =>
        new Promise((_, reject) => {
          const { signal } = getContext();
          started.resolve();
          signal.addEventListener("abort", () => {
            aborted.resolve(signal.reason?.name ?? signal.reason);
            reject(signal.reason);
          });
        }),
    });
    const outcome = one.run(async ({ client, kept }) => {
      const future = client.remote.endless();
      kept.future = future;
      const error = await future.catch((error: Error) => error);
      return [
        error.name,
        error.code,
        String(error.cause),
        future.state,
        future.cancelled(),
        future.done(),
        future.cancel(),
      ];
    });
    await started.promise;
    expect(await one.run(({ kept }) => kept.future.cancel("changed my mind"))).toBe(true);
    expect(await outcome).toEqual([
      "CancelledError",
      "CNR_ERR_CANCELLED",
      "changed my mind",
      "cancelled",
      true,
      true,
      false,
    ]);
    expect(await aborted.promise).toBeTypeOf("string");
  });

  it.each(["eval", "exec"] as const)(
    "cancel() ends the wait for %s, and the link goes on",
    async (method) => {
      await using room = await serve([one]);
      const future = room.peer(0)[method]("await new Promise(() => {})");
      expect(future.cancel()).toBe(true);
      await expect(future).rejects.toBeInstanceOf(CancelledError);
      expect(await room.peer(0).eval("2 + 2")).toBe(4);
    },
  );

  it("a signal rejects with its own reason, and aborts the function there", async () => {
    await using room = await serve([one]);
    const aborted = deferred<boolean>();
    const started = deferred<void>();
    room.server.expose({
      endless: () => {
        getContext().signal.addEventListener("abort", () => aborted.resolve(true));
        started.resolve();
        return new Promise(() => undefined);
      },
    });
    const outcome = one.run(async ({ client, kept }) => {
      kept.abort = new AbortController();
      const reason = new Error("mine");
      const call = client
        .callRemote("endless", [], { signal: kept.abort.signal })
        .catch((error) => error === reason);
      kept.reason = reason;
      return call;
    });
    await started.promise;
    await one.run(({ kept }) => kept.abort.abort(kept.reason));
    expect(await outcome).toBe(true);
    expect(await aborted.promise).toBe(true);
  });

  it("a signal that is aborted already sends nothing", async () => {
    await using room = await serve([one]);
    let called = 0;
    room.server.expose({ count: () => ++called });
    expect(
      await one.run(async ({ client }) => {
        const reason = new Error("mine");
        const refused = await client
          .callRemote("count", [], { signal: AbortSignal.abort(reason) })
          .catch((error) => error === reason);
        return [refused, await client.remote.count()];
      }),
    ).toEqual([true, 1]);
  });

  it("timeoutMs rejects with TimeoutError, and aborts the function there", async () => {
    await using room = await serve([one]);
    const aborted = deferred<boolean>();
    room.server.expose({
      endless: () => {
        getContext().signal.addEventListener("abort", () => aborted.resolve(true));
        return new Promise(() => undefined);
      },
    });
    await expect(
      one.run(({ client }) => client.callRemote("endless", [], { timeoutMs: 20 })),
    ).rejects.toMatchObject({
      name: "TimeoutError",
      code: "CNR_ERR_TIMEOUT",
      message: expect.stringContaining("20 ms"),
    });
    expect(await aborted.promise).toBe(true);
  });

  it("an AbortSignal among the arguments works across the link, both ways", async () => {
    await using room = await serve([one]);
    const heard = deferred<string>();
    const started = deferred<void>();
    room.server.expose({
      watch: ({ signal }: { signal: AbortSignal }) =>
        new Promise((resolve) => {
          expect(signal.aborted).toBe(false);
          signal.addEventListener("abort", () => {
            heard.resolve(String(signal.reason?.message ?? signal.reason));
            resolve("stopped");
          });
          started.resolve();
        }),
      already: (signal: AbortSignal) => signal.aborted,
    });
    const outcome = one.run(async ({ client, kept }) => {
      kept.abort = new AbortController();
      return [
        await client.remote.already(AbortSignal.abort()),
        await client.remote.watch({ signal: kept.abort.signal }),
      ];
    });
    await started.promise;
    await one.run(({ kept }) => kept.abort.abort(new Error("enough")));
    expect(await outcome).toEqual([true, "stopped"]);
    expect(await heard.promise).toBe("enough");
  });

  it("an AbortSignal among the arguments aborts when its program is killed: nobody else could", async () => {
    const [victim] = (await startPrograms(1)) as [Program];
    await using room = await serve([victim], BRIEF);
    const started = deferred<AbortSignal>();
    room.server.expose({
      watch: (signal: AbortSignal) => {
        started.resolve(signal);
        return new Promise(() => undefined);
      },
    });
    await victim.run(({ client }) => void client.remote.watch(new AbortController().signal));
    const signal = await started.promise;
    expect(signal.aborted).toBe(false);
    await victim.kill();
    await expect.poll(() => signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ name: "ConnectionError", code: "CNR_ERR_SESSION_LOST" });
  });

  it("there is no hidden time-out, and none that has passed leaves a timer behind", async () => {
    await using room = await serve([one]);
    expect(await room.peer(0).callRemote("Math.max", [1], { timeoutMs: 3_600_000 })).toBe(1);
    expect(await room.peer(0).callRemote("Math.max", [1], { timeoutMs: Number.POSITIVE_INFINITY })).toBe(1);
  });
});

function deferred<T = void>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((given) => {
    resolve = given;
  });
  return { promise, resolve: (value) => resolve(value) };
}
