import { expect } from "vitest";
import { bytesOf, Getter, numbers, textOf, until } from "./store-harness.ts";
import type { StoreTest } from "./store-suite.ts";

export function leaseConformance(test: StoreTest, leaseMs: number): void {
  test("gives an item again when its lease has ended, and then refuses the old token", async (made) => {
    const { store } = made;
    await store.put("q", bytesOf("x"));
    const getter = new Getter(store, "q", 2);
    await made.elapse(leaseMs + 500);
    await until(made, () => getter.deliveries.length === 2);
    expect(getter.attempts).toEqual([1, 2]);
    const [old, current] = [getter.token(0), getter.token(1)];
    expect(await store.ack(old)).toBe(false);
    expect(await store.nack(old)).toBe(false);
    expect(await store.move(old, "elsewhere")).toBe(false);
    expect(await store.extend(old, 1000)).toBe(false);
    expect(store.size("q")).toEqual({ ready: 0, leased: 1, delayed: 0 });
    expect(store.queues()).toEqual(["q"]);
    expect(await store.ack(current)).toBe(true);
    expect(await store.ack(current)).toBe(false);
    expect(store.queues()).toEqual([]);
  });

  test("keeps a lease that is extended, and one without end", async (made) => {
    const { store } = made;
    for (const n of numbers(2)) await store.put("q", bytesOf(n));
    const getter = new Getter(store, "q", 4);
    await until(made, () => getter.deliveries.length === 2);
    expect(await store.extend(getter.token(1), Number.POSITIVE_INFINITY)).toBe(true);
    for (let n = 0; n < 6; n++) {
      await made.elapse(leaseMs / 3);
      expect(await store.extend(getter.token(0), leaseMs)).toBe(true);
    }
    expect(getter.deliveries).toHaveLength(2);
    expect(await store.extend(getter.token(1), leaseMs / 3)).toBe(true);
    await made.elapse(leaseMs / 2);
    await until(made, () => getter.deliveries.length === 3);
    expect(getter.texts[2]).toBe("1");
    expect(await store.ack(getter.token(0))).toBe(true);
  });

  test("gives an item back to its place, before newer ones", async (made) => {
    const { store } = made;
    for (const n of numbers(4)) await store.put("q", bytesOf(n));
    const getter = new Getter(store, "q", 3);
    await until(made, () => getter.deliveries.length === 3);
    for (const n of [2, 0, 1]) expect(await store.nack(getter.token(n))).toBe(true);
    getter.consumer.demand(4);
    await until(made, () => getter.deliveries.length === 7);
    expect(getter.texts.slice(3)).toEqual(numbers(4));
    expect(getter.attempts.slice(3)).toEqual([2, 2, 2, 1]);
  });

  test("gives an item back after a delay", async (made) => {
    const { store } = made;
    await store.put("q", bytesOf("a"));
    const getter = new Getter(store, "q", 2);
    await until(made, () => getter.deliveries.length === 1);
    await store.nack(getter.token(0), { delayMs: 600 });
    expect(store.size("q")).toEqual({ ready: 0, leased: 0, delayed: 1 });
    await made.elapse(400);
    expect(getter.deliveries).toHaveLength(1);
    await made.elapse(300);
    await until(made, () => getter.deliveries.length === 2);
    expect(getter.attempts).toEqual([1, 2]);
  });

  test("settles through any server", async (made) => {
    const { store, peer } = made;
    await store.put("q", bytesOf("x"));
    const getter = new Getter(store, "q", 1);
    await until(made, () => getter.deliveries.length === 1);
    expect(await peer.ack(getter.token(0))).toBe(true);
    await store.barrier();
    await made.elapse(leaseMs + 500);
    expect(store.size("q")).toEqual({ ready: 0, leased: 0, delayed: 0 });
  });

  test("moves an item elsewhere in one step, with its body or another, as a new item", async (made) => {
    const { store } = made;
    for (const n of numbers(3)) await store.put("q", bytesOf(n), { priority: Number(n) });
    const getter = new Getter(store, "q", 3);
    await until(made, () => getter.deliveries.length === 3);
    expect(await store.move(getter.token(1), "dead")).toBe(true);
    expect(await store.move(getter.token(0), "dead", bytesOf("instead"))).toBe(true);
    expect(store.size("q")).toEqual({ ready: 0, leased: 1, delayed: 0 });
    const dead = new Getter(store, "dead", 2);
    await until(made, () => dead.deliveries.length === 2);
    expect(dead.texts).toEqual(["1", "instead"].reverse());
    expect(dead.attempts).toEqual([1, 1]);
    expect(await store.move(dead.token(0), "dead")).toBe(true);
    expect(store.size("dead")).toEqual({ ready: 1, leased: 1, delayed: 0 });
  });

  test("gives a released owner's items to others at once, in their order, and it gets nothing more", async (made) => {
    const { store } = made;
    const gone = new Getter(store, "q", 3, "gone");
    const goneElsewhere = new Getter(store, "r", 1, "gone");
    for (const n of numbers(3)) await store.put("q", bytesOf(n));
    await store.put("r", bytesOf("r"));
    const waiting = new Getter(store, "q", 4, "waiting");
    gone.consumer.demand(1);
    await until(made, () => gone.deliveries.length === 3 && goneElsewhere.deliveries.length === 1);
    await store.release("gone");
    await until(made, () => waiting.deliveries.length === 3);
    expect(waiting.texts).toEqual(numbers(3));
    expect(waiting.attempts).toEqual([2, 2, 2]);
    expect(store.size("r").ready).toBe(1);
    expect(await store.ack(gone.token(0))).toBe(false);
    gone.consumer.demand(1);
    goneElsewhere.consumer.demand(1);
    await waiting.consumer.withdraw(1);
    await store.put("q", bytesOf("new"));
    expect(gone.deliveries).toHaveLength(3);
    expect(goneElsewhere.deliveries).toHaveLength(1);
    expect(store.size("q")).toEqual({ ready: 1, leased: 3, delayed: 0 });
  });

  test("keeps the items of a closed consumer until its owner is released", async (made) => {
    const { store } = made;
    await store.put("q", bytesOf("x"));
    const getter = new Getter(store, "q", 1, "a");
    await until(made, () => getter.deliveries.length === 1);
    await store.extend(getter.token(0), Number.POSITIVE_INFINITY);
    getter.consumer.close();
    await store.release("b");
    await made.elapse(leaseMs + 500);
    expect(store.size("q").leased).toBe(1);
    await store.release("a");
    expect(store.size("q")).toEqual({ ready: 1, leased: 0, delayed: 0 });
  });

  test("lets a sink settle, put and ask again while it is called", async (made) => {
    const { store } = made;
    const seen: (string | undefined)[] = [];
    const getter: Getter = new Getter(store, "q", 0, "owner", ({ token, body }) => {
      seen.push(textOf(body));
      void store.ack(token);
      if (seen.length < 50) void store.put("q", bytesOf(String(seen.length)));
      getter.consumer.demand(1);
    });
    getter.consumer.demand(1);
    await store.put("q", bytesOf("0"));
    await until(made, () => seen.length === 50 && store.size("q").leased === 0);
    expect(seen).toEqual(numbers(50));
    expect(store.queues()).toEqual([]);
  });

  test("has handed over what was not withdrawn when a withdrawal answers, also inside a sink", async (made) => {
    const { store } = made;
    let answer: number | undefined;
    let givenAtAnswer: number | undefined;
    const getter: Getter = new Getter(store, "q", 0, "owner", () => {
      if (getter.deliveries.length > 1) return;
      void (async () => {
        answer = await getter.consumer.withdraw(3);
        givenAtAnswer = getter.deliveries.length;
      })();
    });
    for (const n of numbers(2)) await store.put("q", bytesOf(n));
    getter.consumer.demand(3);
    await until(made, () => answer !== undefined);
    expect(3 - (answer ?? 0)).toBe(givenAtAnswer);
  });
}
