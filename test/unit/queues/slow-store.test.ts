import { describe, expect, it } from "vitest";
import { failure, StoreError } from "../../../src/core/errors.ts";
import type { Queue } from "../../../src/queues/queue.ts";
import { outcomeOf, turns, worlds } from "./queue-world.ts";
import { SlowStore } from "./slow-store.ts";

const world = worlds();

function open(limits = {}): { store: SlowStore; queues: Queue[] } {
  const store = new SlowStore();
  const all = world({ store, limits });
  return { store, queues: [all.connect().queue(), all.connect().queue(), all.server.get("tasks")] };
}

describe("over a store that takes its time", () => {
  it("items go from each to each, in order", async () => {
    const { queues } = open();
    for (const from of queues) {
      for (const to of queues) {
        const puts = [1, 2, 3].map((n) => from.put(n));
        expect(await Promise.all([to.get(), to.get({ timeoutMs: 5000 }), to.get()])).toEqual([1, 2, 3]);
        await Promise.all(puts);
      }
    }
  });

  it("a queue takes no more than its bound", async () => {
    const { store, queues } = open({ maxQueueItems: 3 });
    const puts = queues.flatMap((queue) => [1, 2, 3].map((n) => outcomeOf(queue.put(n))));
    const tried = queues.map((queue) => queue.tryPut("no room"));
    await turns(30);
    expect(store.size("tasks").ready).toBe(3);
    expect(await Promise.all(tried)).toEqual([false, false, false]);
    for (let n = 0; n < 9; n++) await queues[n % 3]?.get();
    await turns(30);
    expect(puts.every((put) => put.settled && put.error === undefined)).toBe(true);
    expect(store.size("tasks")).toEqual({ ready: 0, leased: 0, delayed: 0 });
  });

  it("gets that were given up take nothing", async () => {
    const { store, queues } = open();
    for (const queue of queues) {
      for (let n = 0; n < 10; n++) {
        const abort = new AbortController();
        const given = queue.get({ signal: abort.signal });
        const put = queues[n % 3]?.put(n);
        await turns(n % 4);
        abort.abort("no");
        const outcome = await given.catch(() => "given up");
        await put;
        await turns(30);
        if (outcome === "given up") expect(await queue.get()).toBe(n);
        else expect(outcome).toBe(n);
      }
    }
    await turns(30);
    expect(store.size("tasks")).toEqual({ ready: 0, leased: 0, delayed: 0 });
  });

  it("gets after many that were given up in a race each have an item of their own", async () => {
    const { store, queues } = open();
    for (const queue of queues) {
      const aborts = Array.from({ length: 10 }, () => new AbortController());
      const racing = aborts.map(({ signal }) => queue.get({ signal }).catch(() => undefined));
      await store.idle();
      const puts = aborts.map((_, n) => (queues[n % 3] as Queue).put(n));
      for (const [n, abort] of aborts.entries()) {
        if (n % 2 === 0) await turns(1);
        abort.abort("no");
      }
      await Promise.all(puts);
      const taken = (await Promise.all(racing)).filter((item) => item !== undefined);
      await turns(60);
      // More than raced: a place that served two of them at once would show.
      const rest = Array.from({ length: 30 - taken.length }, () => queue.get({ timeoutMs: 3000 }));
      for (let n = 10; n < 30; n++) await queue.put(n);
      const all = [...taken, ...(await Promise.all(rest))] as number[];
      expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
      await turns(60);
      expect(store.size("tasks")).toEqual({ ready: 0, leased: 0, delayed: 0 });
    }
  });

  it("tryGet answers truthfully", async () => {
    const { queues } = open();
    for (const queue of queues) {
      expect(await queue.tryGet()).toBeUndefined();
      await queue.put("x");
      expect(await queue.tryGet()).toBe("x");
      expect(await queue.tryGet()).toBeUndefined();
    }
  });

  it("questions are answered, and a closed queue ends its gets", async () => {
    const { queues } = open();
    const [a, b, server] = queues as [Queue, Queue, Queue];
    await a.put(1);
    await b.put(2);
    expect(await server.size()).toBe(2);
    expect(await server.clear()).toBe(2);
    await a.put(3);
    expect(await b.clear()).toBe(1);
    const gets = queues.map((queue) => queue.get().catch((error: unknown) => error));
    await b.close();
    for (const error of await Promise.all(gets))
      expect(error).toMatchObject({ code: "CNR_ERR_QUEUE_CLOSED" });
    for (const queue of queues)
      await expect(queue.put(1)).rejects.toMatchObject({ code: "CNR_ERR_QUEUE_CLOSED" });
    await server.close();
  });

  it("a put that the store refuses rejects with the store's error, and its room goes to the next", async () => {
    const { store, queues } = open({ maxQueueItems: 1 });
    for (const queue of queues) {
      store.failure = failure("CNR_ERR_STORE_CORRUPT", { reason: "test" });
      const refused = queue.put("refused");
      const next = queue.put("next");
      await expect(refused).rejects.toThrow(StoreError);
      await expect(refused).rejects.toMatchObject({
        code: "CNR_ERR_STORE_CORRUPT",
        details: { reason: "test" },
      });
      await expect(next).rejects.toThrow(StoreError);
      store.failure = undefined;
      await queue.put("again");
      expect(await queue.get()).toBe("again");
      await store.idle();
    }
  });

  it("a store's error that cannot travel arrives as its text", async () => {
    const { store, queues } = open();
    store.failure = Object.assign(new Error("disk on fire"), { cause: Symbol("cannot travel") });
    await expect(queues[0]?.put(1)).rejects.toThrow("disk on fire");
    store.failure = undefined;
  });

  it("the bound is kept when what was put is a repetition", async () => {
    const { queues } = open({ maxQueueItems: 2 });
    const [a, b] = queues as [Queue, Queue];
    const same = Array.from({ length: 5 }, () => a.put("same", { id: "1" }));
    await Promise.all(same);
    await b.put("other");
    expect(await b.tryPut("no room")).toBe(false);
    expect([await b.get(), await b.get()]).toEqual(["same", "other"]);
  });
});
