import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { bytesOf, Getter, Replica, remove, set } from "../../conformance/store-harness.ts";
import { storeConformance } from "../../conformance/store-suite.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

storeConformance("memory", async (options) => {
  const store = new MemoryStore(options);
  await store.open();
  return {
    store,
    peer: store,
    elapse: async (ms) => void (await vi.advanceTimersByTimeAsync(ms)),
    close: () => store.close(),
  };
});

describe("MemoryStore", () => {
  it("answers every call at once, without a promise", () => {
    const store = new MemoryStore();
    const getter = new Getter(store, "q", 2);
    expect(store.commit([set("a", "1")], "me")).toEqual({ ok: true, rev: 1 });
    expect(store.barrier()).toBe(1);
    expect(store.put("q", bytesOf("x"))).toEqual({ duplicate: false });
    expect(store.extend(getter.token(0), 1000)).toBe(true);
    expect(store.nack(getter.token(0))).toBe(true);
    expect(store.move(getter.token(1), "r")).toBe(true);
    expect(store.ack(7)).toBe(false);
    expect(store.purge("r")).toBe(1);
    expect(getter.consumer.withdraw(1)).toBe(0);
    expect(store.closeQueue("q")).toBeUndefined();
    expect(store.release("owner")).toBeUndefined();
  });

  it("says what it is", () => {
    expect(new MemoryStore().info).toEqual({ durable: false, shared: false, ackedLossOnFailover: false });
  });

  it("is of another epoch each time", () => {
    const [a, b] = [new MemoryStore(), new MemoryStore()];
    expect(a.epoch).toBe(a.epoch);
    expect(a.epoch).not.toBe(b.epoch);
  });

  it("keeps a lease without end when no time is set", async () => {
    const store = new MemoryStore();
    store.put("q", bytesOf("x"));
    const getter = new Getter(store, "q", 2);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10 * 24 * 3600_000);
    expect(getter.attempts).toEqual([1]);
  });

  it("has one timer while something is due, and none when nothing is", async () => {
    const store = new MemoryStore({ leaseMs: 1000 });
    const counts: number[] = [];
    const count = (): void => void counts.push(vi.getTimerCount());
    count();
    store.put("q", bytesOf("x"));
    count();
    const getter = new Getter(store, "q", 1);
    count();
    store.put("q", bytesOf("y"), { delayMs: 500 });
    store.put("q", bytesOf("z"), { delayMs: 100 });
    count();
    store.purge("q");
    count();
    store.ack(getter.token(0));
    count();
    store.put("q", bytesOf("y"), { delayMs: 500 });
    count();
    await store.close();
    count();
    expect(counts).toEqual([0, 0, 1, 1, 1, 0, 1, 0]);
  });

  it("waits longer than one timer can", async () => {
    const store = new MemoryStore();
    const days = 40 * 24 * 3600_000;
    store.put("q", bytesOf("x"), { delayMs: days });
    const getter = new Getter(store, "q", 1);
    await vi.advanceTimersByTimeAsync(days - 1000);
    expect(getter.deliveries).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(getter.texts).toEqual(["x"]);
  });

  it("forgets an id after two minutes, and then keeps no timer", async () => {
    const store = new MemoryStore();
    store.put("q", bytesOf("x"), { id: "1" });
    await vi.advanceTimersByTimeAsync(119_999);
    expect(store.put("q", bytesOf("x"), { id: "1" })).toEqual({ duplicate: true });
    await vi.advanceTimersByTimeAsync(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(store.put("q", bytesOf("x"), { id: "1" })).toEqual({ duplicate: false });
    await vi.advanceTimersByTimeAsync(120_000);
  });

  it("refuses a priority that is no integer, and credits that are no number of them", () => {
    const store = new MemoryStore();
    expect(() => store.put("q", bytesOf("x"), { priority: 0.5 })).toThrow(RangeError);
    const getter = new Getter(store, "q", 0);
    expect(() => getter.consumer.demand(-1)).toThrow(RangeError);
    expect(() => getter.consumer.withdraw(0.5)).toThrow(RangeError);
    getter.consumer.demand(Number.POSITIVE_INFINITY);
    expect(getter.consumer.withdraw(5)).toBe(5);
  });

  it("tells what sinks throw", () => {
    const errors: unknown[] = [];
    const store = new MemoryStore({ onSinkError: (error) => errors.push(error) });
    const thrower = (text: string) => (): void => {
      throw new Error(text);
    };
    store.subscribe(undefined, { reset: thrower("reset"), change: thrower("change") });
    void store.commit([set("a", "1")], "me");
    store.subscribe({ epoch: store.epoch, rev: 0 }, { reset: () => {}, change: thrower("missed") });
    store.consume("q", "owner", { item: thrower("item"), end: thrower("end") }).demand(1);
    store.put("q", bytesOf("x"));
    store.closeQueue("r");
    store.consume("r", "owner", { item: () => {}, end: thrower("end") });
    expect(errors.map((error) => (error as Error).message)).toEqual([
      "reset",
      "change",
      "missed",
      "item",
      "end",
    ]);
  });

  it("resets a subscriber that was away for more changes than are kept", () => {
    const store = new MemoryStore({ history: { maxChanges: 3, maxBytes: 1e6 } });
    for (let n = 0; n < 5; n++) void store.commit([set("k", String(n))], "me");
    const [tooOld, justKept] = [new Replica(), new Replica()];
    store.subscribe({ epoch: store.epoch, rev: 1 }, tooOld);
    store.subscribe({ epoch: store.epoch, rev: 2 }, justKept);
    expect([tooOld.resets, tooOld.values.get("k")]).toEqual([1, "4"]);
    expect([justKept.resets, justKept.revs]).toEqual([0, [3, 4, 5]]);
  });

  it("calls no sink that is closed, or whose store is closed, by a sink that runs", async () => {
    const store = new MemoryStore();
    const second = new Replica();
    const calls: string[] = [];
    store.subscribe(undefined, {
      reset: () => {},
      change: () => {
        calls.push("first");
        subscription[Symbol.dispose]();
        if (calls.length === 2) void store.close();
      },
    });
    const subscription = store.subscribe(undefined, second);
    store.subscribe(undefined, { reset: () => {}, change: () => void calls.push("third") });
    void store.commit([remove("a")], "me");
    expect(calls).toEqual(["first", "third"]);
    calls.length = 1;
    void store.commit([remove("a")], "me");
    expect(calls).toEqual(["first", "first"]);
    expect(second.revs).toEqual([]);
  });

  it("drops what is on its way to an owner that a running sink releases", () => {
    const store = new MemoryStore();
    const gone = store.consume("q", "gone", { item: () => calls.push("gone"), end: () => {} });
    const calls: string[] = [];
    for (const name of ["a", "b"]) store.put("q", bytesOf(name));
    const first = new Getter(store, "trigger", 1, "first", () => {
      gone.demand(2);
      store.release("gone");
    });
    store.put("trigger", bytesOf("x"));
    expect(first.deliveries).toHaveLength(1);
    expect(calls).toEqual([]);
    expect(store.size("q")).toEqual({ ready: 2, leased: 0, delayed: 0 });
  });

  it("still hands over what was leased to a consumer that a running sink closes", () => {
    const store = new MemoryStore();
    const calls: string[] = [];
    const closed = store.consume("q", "owner", { item: () => calls.push("item"), end: () => {} });
    store.put("q", bytesOf("a"));
    new Getter(store, "trigger", 1, "first", () => {
      closed.demand(1);
      closed.close();
      calls.push("closed");
    });
    store.put("trigger", bytesOf("x"));
    expect(calls).toEqual(["closed", "item"]);
  });

  it("gives a subscriber that writes while it catches up its own change after the missed ones", () => {
    const store = new MemoryStore();
    for (const n of ["1", "2"]) void store.commit([set("k", n)], "me");
    const revs: number[] = [];
    store.subscribe(
      { epoch: store.epoch, rev: 0 },
      {
        reset: () => {},
        change: (rev) => {
          revs.push(rev);
          if (rev === 1) void store.commit([set("k", "3")], "sink");
        },
      },
    );
    expect(revs).toEqual([1, 2, 3]);
  });
});
