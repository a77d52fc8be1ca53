import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DueTimer } from "../../../src/stores/due-timer.ts";

const clock = (): number => Date.now();

describe("DueTimer", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1000 }));
  afterEach(() => void vi.useRealTimers());

  it("runs its task once, at the time", () => {
    const runs: number[] = [];
    const timer = new DueTimer(() => runs.push(Date.now()));
    timer.set(1500, clock);
    vi.advanceTimersByTime(499);
    expect(runs).toEqual([]);
    vi.advanceTimersByTime(5000);
    expect(runs).toEqual([1500]);
  });

  it("keeps one timer, for the time told last", () => {
    const runs: number[] = [];
    const timer = new DueTimer(() => runs.push(Date.now()));
    for (const atMs of [5000, 1200, 1200, 3000]) timer.set(atMs, clock);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(runs).toEqual([3000]);
  });

  it("keeps no timer when nothing is due", () => {
    const timer = new DueTimer(() => {
      throw new Error("not due");
    });
    timer.set(undefined, clock);
    timer.set(1200, clock);
    timer.set(undefined, clock);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(10_000);
  });

  it("can be set again by its task, also for the same time", () => {
    let runs = 0;
    const timer: DueTimer = new DueTimer(() => {
      if (++runs < 3) timer.set(1200, clock);
    });
    timer.set(1200, clock);
    vi.advanceTimersByTime(1000);
    expect(runs).toBe(3);
  });

  it("runs its task early rather than never when the time is further away than a timer can wait", () => {
    let runs = 0;
    new DueTimer(() => runs++).set(2 ** 40, clock);
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect(runs).toBe(0);
    vi.advanceTimersByTime(1);
    expect(runs).toBe(1);
  });
});
