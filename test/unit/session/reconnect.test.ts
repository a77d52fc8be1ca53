import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { backoffMs, type ReconnectOptions, reconnect } from "../../../src/session/reconnect.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const refused = failure("CNR_ERR_REFUSED", { address: "here" });

function attempts(options: Partial<ReconnectOptions> = {}): {
  readonly times: number[];
  readonly abort: AbortController;
  readonly done: Promise<unknown>;
} {
  const times: number[] = [];
  let nowMs = 0;
  const clock = setInterval(() => {
    nowMs += 10;
  }, 10);
  const abort = new AbortController();
  const done = reconnect({
    attempt: () => {
      times.push(nowMs);
      return Promise.reject(refused);
    },
    windowMs: 60_000,
    signal: abort.signal,
    cause: "why",
    random: () => 1,
    ...options,
  }).then(
    () => "reconnected",
    (error: unknown) => error,
  );
  void done.then(() => clearInterval(clock));
  return { times, abort, done };
}

describe("the wait between two attempts", () => {
  it("is drawn from nothing to a bound that doubles from 100 ms, up to 5 s", () => {
    const bounds = Array.from({ length: 9 }, (_, n) => backoffMs(n, () => 1));
    expect(bounds).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    expect(backoffMs(3, () => 0.25)).toBe(200);
    expect(backoffMs(2000, () => 0)).toBe(0);
  });
});

describe("reconnecting", () => {
  it("tries at once, then again and again", async () => {
    const { times, abort, done } = attempts();
    await vi.advanceTimersByTimeAsync(3100);
    expect(times).toEqual([0, 100, 300, 700, 1500, 3100]);
    abort.abort("enough");
    expect(await done).toBe("enough");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends with the first attempt that succeeds, and leaves nothing behind", async () => {
    let left = 3;
    const { done } = attempts({
      attempt: () => (--left === 0 ? Promise.resolve() : Promise.reject(refused)),
    });
    await vi.advanceTimersByTimeAsync(1000);
    expect([await done, left, vi.getTimerCount()]).toEqual(["reconnected", 0, 0]);
  });

  it("ends at once by a failure that no repetition helps", async () => {
    const version = failure("CNR_ERR_VERSION", { theirs: 2, ours: 1 });
    const { done } = attempts({ attempt: () => Promise.reject(version) });
    expect(await done).toBe(version);
  });

  it("gives up when its time is over, also in the middle of an attempt", async () => {
    let signal: AbortSignal | undefined;
    const { done } = attempts({
      windowMs: 1000,
      attempt: (given) => {
        signal = given;
        return new Promise((_, reject) => given.addEventListener("abort", () => reject(given.reason)));
      },
    });
    await vi.advanceTimersByTimeAsync(900);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(await done).toMatchObject({ code: "CNR_ERR_SESSION_LOST", cause: "why" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not count time in which this process stood still", async () => {
    const { done, abort } = attempts({ windowMs: 1000, attempt: () => new Promise(() => {}) });
    let isOver = false;
    void done.then(() => {
      isOver = true;
    });
    for (let n = 0; n < 20; n++) {
      vi.setSystemTime(Date.now() + 3_600_000);
      await vi.advanceTimersByTimeAsync(17);
    }
    expect(isOver).toBe(false);
    abort.abort();
  });
});
