import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TimeoutError } from "../../../src/core/errors.ts";
import { Mailbox } from "../../../src/core/mailbox.ts";
import { Waiter, waitFor } from "../../../src/core/waiting.ts";
import { WaitingLine } from "../../../src/core/waiting-line.ts";

/** A signal that counts the listeners it has. */
function countedSignal(): { controller: AbortController; listeners(): number } {
  const controller = new AbortController();
  const added = vi.spyOn(controller.signal, "addEventListener");
  const removed = vi.spyOn(controller.signal, "removeEventListener");
  return { controller, listeners: () => added.mock.calls.length - removed.mock.calls.length };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a waiter", () => {
  it("settles once, by whoever is first", async () => {
    const waiter = new Waiter<number>("it", undefined);
    expect([waiter.settled, waiter.resolve(1), waiter.settled, waiter.resolve(2), waiter.reject(3)]).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(await waiter.promise).toBe(1);
  });

  it("ends with the signal's own reason, and tells its owner once, already settled", async () => {
    const { controller, listeners } = countedSignal();
    const told: boolean[] = [];
    const waiter = new Waiter(
      "it",
      { signal: controller.signal, timeoutMs: 1000 },
      (each) => void told.push(each.settled),
    );
    expect([listeners(), vi.getTimerCount()]).toEqual([1, 1]);
    controller.abort("because");
    await expect(waiter.promise).rejects.toBe("because");
    expect([told, waiter.settled, listeners(), vi.getTimerCount()]).toEqual([[true], true, 0, 0]);
  });

  it("ends at once on a signal that was aborted before, and adds no listener", async () => {
    const { controller, listeners } = countedSignal();
    controller.abort("early");
    const waiter = new Waiter("it", { signal: controller.signal, timeoutMs: 5 });
    expect([waiter.settled, listeners(), vi.getTimerCount()]).toEqual([true, 0, 0]);
    await expect(waiter.promise).rejects.toBe("early");
  });

  it("ends after its time, with what it waited for", async () => {
    const { controller, listeners } = countedSignal();
    const waiter = new Waiter('get from queue "tasks"', { signal: controller.signal, timeoutMs: 250 });
    vi.advanceTimersByTime(249);
    expect(waiter.settled).toBe(false);
    vi.advanceTimersByTime(1);
    const error: unknown = await waiter.promise.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as Error).message).toBe('get from queue "tasks" did not finish within 250 ms');
    expect(listeners()).toBe(0);
  });

  it.each([0, -1])("with %d ms ends as soon as it can", async (timeoutMs) => {
    const waiter = new Waiter("it", { timeoutMs });
    vi.advanceTimersByTime(1);
    await expect(waiter.promise).rejects.toBeInstanceOf(TimeoutError);
  });

  it("without an end, or with one in years, keeps waiting", () => {
    const endless = new Waiter("it", { timeoutMs: Number.POSITIVE_INFINITY });
    expect(vi.getTimerCount()).toBe(0);
    const long = new Waiter("it", { timeoutMs: 1e15 });
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect([endless.settled, long.settled]).toEqual([false, false]);
    long.resolve(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves no listener and no timer, whichever way it settles", () => {
    const { controller, listeners } = countedSignal();
    const options = { signal: controller.signal, timeoutMs: 100 };
    new Waiter("a", options).resolve(1);
    new Waiter("b", options).reject(new Error("b"));
    expect([listeners(), vi.getTimerCount()]).toEqual([0, 0]);
  });
});

describe("waiting for a promise", () => {
  it("takes the promise itself where nothing limits the wait", () => {
    const promise = Promise.resolve(1);
    expect([waitFor(promise, "it", undefined), waitFor(promise, "it", {})]).toEqual([promise, promise]);
    expect(waitFor(promise, "it", {})).toBe(promise);
  });

  it("gives up without ending what it waits for", async () => {
    const { controller, listeners } = countedSignal();
    let finish: (value: string) => void = () => {};
    const promise = new Promise<string>((resolve) => {
      finish = resolve;
    });
    const first = waitFor(promise, "it", { signal: controller.signal });
    const second = waitFor(promise, "it", { timeoutMs: 1000 });
    controller.abort("no");
    await expect(first).rejects.toBe("no");
    finish("value");
    expect([await second, await promise]).toEqual(["value", "value"]);
    expect([listeners(), vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("passes on a failure", async () => {
    await expect(waitFor(Promise.reject(new Error("x")), "it", { timeoutMs: 5 })).rejects.toThrow("x");
  });
});

describe("a waiting line", () => {
  it("serves in order of asking, and leaves out those that gave up", async () => {
    const gaveUp = vi.fn();
    const line = new WaitingLine<number>(gaveUp);
    const controller = new AbortController();
    const [first, second, third] = [
      line.join("1", undefined),
      line.join("2", { signal: controller.signal }),
      line.join("3", undefined),
    ];
    expect(line.size).toBe(3);
    controller.abort("gone");
    expect([line.size, gaveUp.mock.calls.length]).toEqual([2, 1]);
    line.next()?.resolve(1);
    line.next()?.resolve(3);
    expect([await first, await third, line.size, line.next()]).toEqual([1, 3, 0, undefined]);
    await expect(second).rejects.toBe("gone");
  });

  it("never hands to the one that is just giving up", async () => {
    const controller = new AbortController();
    let served: unknown;
    const line: WaitingLine<number> = new WaitingLine<number>(() => {
      served = line.next();
      (served as Waiter<number> | undefined)?.resolve(1);
    });
    const first = line.join("a", { signal: controller.signal });
    const second = line.join("b", undefined);
    controller.abort("gone");
    await expect(first).rejects.toBe("gone");
    expect([await second, line.size]).toEqual([1, 0]);
  });

  it("stays right when thousands give up at once, among others that wait on", async () => {
    const line = new WaitingLine<number>();
    const controller = new AbortController();
    const kept: Promise<number>[] = [];
    const dropped: Promise<unknown>[] = [];
    for (let n = 0; n < 6000; n++) {
      if (n % 3 === 0) kept.push(line.join("kept", undefined));
      else
        dropped.push(line.join("dropped", { signal: controller.signal }).catch((reason: unknown) => reason));
    }
    line.next()?.resolve(0);
    controller.abort("gone");
    expect(line.size).toBe(1999);
    expect(new Set(await Promise.all(dropped))).toEqual(new Set(["gone"]));
    expect(line.size).toBe(1999);
    for (let n = 1; n < 2000; n++) line.next()?.resolve(n);
    expect(await Promise.all(kept)).toEqual(Array.from({ length: 2000 }, (_, n) => n));
    expect([line.size, line.next()]).toEqual([0, undefined]);
  });

  it("ends all waits with one reason, and takes none that is over", async () => {
    const line = new WaitingLine<number>();
    const waits = [line.join("a", undefined), line.join("b", { timeoutMs: 5 })];
    line.rejectAll("closed");
    for (const wait of waits) await expect(wait).rejects.toBe("closed");
    await expect(line.join("c", { signal: AbortSignal.abort("before") })).rejects.toBe("before");
    expect([line.size, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

describe("a mailbox", () => {
  it("hands values to readers in the order of both", async () => {
    const box = new Mailbox<number>("recv");
    const early = [box.take(), box.take()];
    for (const n of [1, 2, 3, 4]) box.push(n);
    expect(await Promise.all(early)).toEqual([1, 2]);
    expect([box.size, await box.take(), box.tryTake(), box.tryTake(), box.size]).toEqual([
      2,
      3,
      4,
      undefined,
      0,
    ]);
  });

  it("tells of each value that was taken, whichever way", async () => {
    const onTake = vi.fn();
    const box = new Mailbox<string>("recv", onTake);
    const waiting = box.take();
    box.push("a");
    expect([await waiting, onTake.mock.calls.length]).toEqual(["a", 1]);
    box.push("b");
    box.push("c");
    expect(onTake).toHaveBeenCalledTimes(1);
    box.tryTake();
    await box.take();
    expect(onTake).toHaveBeenCalledTimes(3);
  });

  it("gives what had arrived before its end, then the reason, for ever", async () => {
    const box = new Mailbox<number>("recv");
    const reason = new Error("closed");
    box.push(1);
    box.end(reason);
    box.end(new Error("again"));
    box.push(2);
    expect(await box.take()).toBe(1);
    await expect(box.take()).rejects.toBe(reason);
    await expect(box.take({ timeoutMs: 5 })).rejects.toBe(reason);
    expect(box.tryTake()).toBeUndefined();
  });

  it("ends readers that wait, and loses no value to readers that gave up", async () => {
    const box = new Mailbox<number>("recv");
    const { controller, listeners } = countedSignal();
    const impatient = box.take({ signal: controller.signal });
    const late = box.take({ timeoutMs: 10 });
    controller.abort("enough");
    vi.advanceTimersByTime(10);
    await expect(impatient).rejects.toBe("enough");
    await expect(late).rejects.toThrow("recv did not finish within 10 ms");
    box.push(1);
    await expect(box.take({ signal: controller.signal })).rejects.toBe("enough");
    expect([box.size, await box.take(), listeners()]).toEqual([1, 1, 0]);
    const waiting = box.take();
    box.end("over");
    await expect(waiting).rejects.toBe("over");
  });
});
