import { expect } from "vitest";
import { bytesOf, Getter, numbers, until } from "./store-harness.ts";
import type { StoreTest } from "./store-suite.ts";

const EMPTY = { ready: 0, leased: 0, delayed: 0 };

export function queueConformance(test: StoreTest): void {
  test("gives items in put order, and forgets what is acknowledged", async (made) => {
    const { store } = made;
    for (const n of numbers(20)) await store.put("q", bytesOf(n));
    expect(store.size("q")).toEqual({ ready: 20, leased: 0, delayed: 0 });
    const getter = new Getter(store, "q", 20);
    await until(made, () => getter.deliveries.length === 20);
    expect(getter.texts).toEqual(numbers(20));
    expect(getter.deliveries.every(({ queue, attempt }) => queue === "q" && attempt === 1)).toBe(true);
    expect(store.size("q")).toEqual({ ready: 0, leased: 20, delayed: 0 });
    for (const { token } of getter.deliveries) expect(await store.ack(token)).toBe(true);
    expect(store.size("q")).toEqual(EMPTY);
    expect(store.queues()).toEqual([]);
  });

  test("wakes one who waits with a put from another server", async (made) => {
    const getter = new Getter(made.store, "q", 1);
    await made.elapse(20);
    await made.peer.put("q", bytesOf("x"));
    await until(made, () => getter.deliveries.length === 1);
    expect(getter.texts).toEqual(["x"]);
  });

  test("gives each item to exactly one of many takers", async (made) => {
    const { store, peer } = made;
    const seen: string[] = [];
    for (const each of [store, peer]) {
      for (const n of numbers(4)) {
        const getter: Getter = new Getter(each, "q", 0, `owner ${n}`, ({ token, body }) => {
          seen.push(new TextDecoder().decode(body));
          void each.ack(token);
          getter.consumer.demand(1);
        });
        getter.consumer.demand(1);
      }
    }
    await Promise.all(numbers(400).map(async (n) => (Number(n) % 2 ? store : peer).put("q", bytesOf(n))));
    await until(made, () => seen.length >= 400 && store.size("q").leased === 0);
    expect(seen.sort()).toEqual(numbers(400).sort());
    expect(store.size("q")).toEqual(EMPTY);
  });

  test("never gives more than was asked for", async (made) => {
    for (const n of numbers(10)) await made.store.put("q", bytesOf(n));
    const getter = new Getter(made.store, "q", 3);
    await until(made, () => getter.deliveries.length >= 3);
    await made.elapse(20);
    expect(getter.texts).toEqual(["0", "1", "2"]);
    expect(made.store.size("q").ready).toBe(7);
  });

  test("serves those who wait in the order in which they asked, over all consumers", async (made) => {
    const { store } = made;
    const order: string[] = [];
    const getter = (name: string): Getter => new Getter(store, "q", 0, name, () => order.push(name));
    const [a, b, c] = [getter("a"), getter("b"), getter("c")];
    for (const each of [b, a, b, c, a]) each.consumer.demand(1);
    c.consumer.demand(2);
    for (const n of numbers(7)) await store.put("q", bytesOf(n));
    await until(made, () => order.length === 7);
    expect(order).toEqual(["b", "a", "b", "c", "a", "c", "c"]);
  });

  test("loses no item when a get is taken back", async (made) => {
    const { store } = made;
    const getter = new Getter(store, "q", 2);
    expect(await getter.consumer.withdraw(2)).toBe(2);
    await store.put("q", bytesOf("x"));
    await made.elapse(20);
    expect(getter.deliveries).toEqual([]);
    const other = new Getter(store, "q", 1, "other");
    await until(made, () => other.deliveries.length === 1);
  });

  test("answers a withdrawal with the credits that nothing was given for", async (made) => {
    const { store } = made;
    const getter = new Getter(store, "q", 3);
    await store.put("q", bytesOf("x"));
    expect(await getter.consumer.withdraw(5)).toBe(2);
    expect(getter.texts).toEqual(["x"]);
    expect(await getter.consumer.withdraw(1)).toBe(0);
  });

  test("takes back the newest credits, so the place of the older ones is kept", async (made) => {
    const { store } = made;
    const order: string[] = [];
    const getter = (name: string): Getter => new Getter(store, "q", 0, name, () => order.push(name));
    const [a, b] = [getter("a"), getter("b")];
    for (const each of [a, b, a]) each.consumer.demand(1);
    expect(await a.consumer.withdraw(1)).toBe(1);
    for (const n of numbers(3)) await store.put("q", bytesOf(n));
    await until(made, () => order.length === 2);
    expect(order).toEqual(["a", "b"]);
    expect(store.size("q").ready).toBe(1);
  });

  test("gives a closed consumer nothing more, and leaves it what it holds", async (made) => {
    const { store } = made;
    const getter = new Getter(store, "q", 2);
    await store.put("q", bytesOf("held"));
    await until(made, () => getter.deliveries.length === 1);
    getter.consumer.close();
    getter.consumer.demand(1);
    await store.put("q", bytesOf("next"));
    expect(getter.texts).toEqual(["held"]);
    expect(store.size("q")).toEqual({ ready: 1, leased: 1, delayed: 0 });
    expect(await getter.consumer.withdraw(1)).toBe(0);
    expect(await store.ack(getter.token(0))).toBe(true);
  });

  test("gives higher priorities first, and equal ones in put order", async (made) => {
    const { store } = made;
    const priorities = [0, 5, -1, 5, 0, 1e9];
    for (const [n, priority] of priorities.entries()) await store.put("q", bytesOf(String(n)), { priority });
    const getter = new Getter(store, "q", 10);
    await until(made, () => getter.deliveries.length === 6);
    expect(getter.texts).toEqual(["5", "1", "3", "0", "4", "2"]);
  });

  test("holds a delayed item back for its time", async (made) => {
    const { store } = made;
    await store.put("q", bytesOf("late"), { delayMs: 600 });
    await store.put("q", bytesOf("early"));
    const getter = new Getter(store, "q", 2);
    await made.elapse(300);
    expect(getter.texts).toEqual(["early"]);
    expect(store.size("q")).toEqual({ ready: 0, leased: 1, delayed: 1 });
    expect(store.queues()).toEqual(["q"]);
    await made.elapse(400);
    await until(made, () => getter.deliveries.length === 2);
    expect(getter.texts).toEqual(["early", "late"]);
  });

  test("stores a put once per id and queue, whichever server gets the repetition", async ({
    store,
    peer,
  }) => {
    const [a, b] = await Promise.all([
      store.put("q", bytesOf("x"), { id: "1" }),
      peer.put("q", bytesOf("x"), { id: "1" }),
    ]);
    expect([a.duplicate, b.duplicate].sort()).toEqual([false, true]);
    expect(await store.put("q", bytesOf("y"), { id: "2" })).toEqual({ duplicate: false });
    expect(await store.put("r", bytesOf("x"), { id: "1" })).toEqual({ duplicate: false });
    expect(await store.put("q1", bytesOf("x"), { id: "" })).toEqual({ duplicate: false });
    expect([store.size("q").ready, store.size("r").ready, store.size("q1").ready]).toEqual([2, 1, 1]);
  });

  test("knows an id again after its item is gone", async (made) => {
    const { store } = made;
    const getter = new Getter(store, "q", 1);
    await store.put("q", bytesOf("x"), { id: "1" });
    await until(made, () => getter.deliveries.length === 1);
    await store.ack(getter.token(0));
    expect(await store.put("q", bytesOf("x"), { id: "1" })).toEqual({ duplicate: true });
    expect(store.size("q")).toEqual(EMPTY);
  });

  test("takes any string as a queue's name, and empties one alone", async ({ store }) => {
    const names = ["", "a b", "x.y.>", "*", "ключ", "Z".repeat(80), "__proto__"];
    for (const name of names) await store.put(name, bytesOf(name));
    await store.put("*", bytesOf("later"), { delayMs: 60_000 });
    expect(store.queues()).toEqual(names);
    expect(await store.purge("*")).toBe(2);
    expect(await store.purge("*")).toBe(0);
    expect(store.queues()).toEqual(names.filter((name) => name !== "*"));
  });

  test("leaves leased items to their holders when a queue is emptied", async (made) => {
    const { store } = made;
    await store.put("q", bytesOf("held"));
    const getter = new Getter(store, "q", 1);
    await until(made, () => getter.deliveries.length === 1);
    await store.put("q", bytesOf("dropped"));
    expect(await store.purge("q")).toBe(1);
    expect(store.size("q")).toEqual({ ready: 0, leased: 1, delayed: 0 });
    expect(await store.nack(getter.token(0))).toBe(true);
    expect(store.size("q")).toEqual({ ready: 1, leased: 0, delayed: 0 });
  });

  test("refuses puts to a closed queue, also by move, and lets others drain it", async (made) => {
    const { store } = made;
    for (const n of numbers(2)) await store.put("q", bytesOf(n), { id: n });
    const getter = new Getter(store, "q", 1);
    await store.closeQueue("q");
    const refusal = { code: "CNR_ERR_QUEUE_CLOSED", details: { queue: "q" } };
    await expect((async () => store.put("q", bytesOf("no")))()).rejects.toMatchObject(refusal);
    await store.put("other", bytesOf("x"));
    const other = new Getter(store, "other", 1);
    await until(made, () => other.deliveries.length === 1);
    await expect((async () => store.move(other.token(0), "q"))()).rejects.toMatchObject(refusal);
    expect(await store.ack(other.token(0))).toBe(true);
    expect(await store.put("q", bytesOf("0"), { id: "0" })).toEqual({ duplicate: true });
    await store.closeQueue("q");
    expect(getter.ends).toBe(0);
    await store.ack(getter.token(0));
    getter.consumer.demand(5);
    await until(made, () => getter.deliveries.length === 2);
    expect(getter.ends).toBe(0);
    await store.ack(getter.token(1));
    await until(made, () => getter.ends === 1);
    expect(await getter.consumer.withdraw(9)).toBe(4);
  });

  test("ends consumers of a closed queue only when no leased or delayed item can come back", async (made) => {
    const { store } = made;
    await store.put("q", bytesOf("a"));
    await store.put("q", bytesOf("b"), { delayMs: 200 });
    const holder = new Getter(store, "q", 1, "holder");
    const waiting = new Getter(store, "q", 2, "waiting");
    await store.closeQueue("q");
    expect(await store.nack(holder.token(0))).toBe(true);
    await made.elapse(300);
    await until(made, () => waiting.deliveries.length === 2);
    expect(waiting.texts).toEqual(["a", "b"]);
    await store.ack(waiting.token(0));
    expect([holder.ends, waiting.ends]).toEqual([0, 0]);
    await store.move(waiting.token(1), "elsewhere");
    await until(made, () => holder.ends === 1 && waiting.ends === 1);
    expect(store.size("elsewhere").ready).toBe(1);
  });

  test("ends consumers at once when an empty queue is closed or emptied, and those that come later", async (made) => {
    const { store } = made;
    const early = new Getter(store, "empty", 1);
    await store.closeQueue("empty");
    const late = new Getter(store, "empty", 1);
    await store.put("full", bytesOf("x"));
    const idle = new Getter(store, "full", 0);
    await store.closeQueue("full");
    expect(idle.ends).toBe(0);
    await store.purge("full");
    await until(made, () => early.ends === 1 && late.ends === 1 && idle.ends === 1);
    await store.purge("full");
    await store.closeQueue("empty");
    await made.elapse(20);
    expect([early.ends, late.ends, idle.ends]).toEqual([1, 1, 1]);
  });

  test("goes on when a sink throws", async (made) => {
    const { store } = made;
    const thrower = store.consume("q", "thrower", {
      item: () => {
        throw new Error("item");
      },
      end: () => {
        throw new Error("end");
      },
    });
    thrower.demand(1);
    const getter = new Getter(store, "q", 1);
    expect(await store.put("q", bytesOf("a"))).toEqual({ duplicate: false });
    await store.put("q", bytesOf("b"));
    await until(made, () => getter.deliveries.length === 1);
    expect(getter.texts).toEqual(["b"]);
    await store.release("thrower");
    expect(store.size("q").ready).toBe(1);
  });
}
