import { describe, expect, it } from "vitest";
import { dictConformance } from "./store-dict-suite.ts";
import { bytesOf, type MakeStore, Replica, type StoreUnderTest, set } from "./store-harness.ts";
import { leaseConformance } from "./store-lease-suite.ts";
import { queueConformance } from "./store-queue-suite.ts";

/** A lease long enough to work under it, and short enough to wait for its end. */
const LEASE_MS = 1500;

export type StoreTest = (name: string, test: (made: StoreUnderTest) => Promise<void>) => void;

/** What every store has to do: a store is finished when this passes. */
export function storeConformance(name: string, makeStore: MakeStore): void {
  const test: StoreTest = (title, body) =>
    it(title, async () => {
      const made = await makeStore({ leaseMs: LEASE_MS });
      try {
        await body(made);
      } finally {
        await made.close();
      }
    });
  describe(`store conformance: ${name}`, () => {
    describe("dict", () => dictConformance(test));
    describe("queues", () => queueConformance(test));
    describe("leases", () => leaseConformance(test, LEASE_MS));
    describe("closing", () => closingConformance(test));
  });
}

function closingConformance(test: StoreTest): void {
  test("opens and closes as often as one likes", async ({ store }) => {
    await store.open();
    await store.open();
    await store.close();
    await store.close();
    await expect(store.open()).rejects.toMatchObject({ code: "CNR_ERR_STORE_CLOSED" });
  });

  test("refuses every call after close", async ({ store }) => {
    const sink = { item: () => {}, end: () => {} };
    await store.close();
    const calls: Record<string, () => unknown> = {
      rev: () => store.rev,
      get: () => store.get("k"),
      keys: () => store.keys(),
      entries: () => store.entries(),
      commit: () => store.commit([set("k", "v")], "me"),
      barrier: () => store.barrier(),
      subscribe: () => store.subscribe(undefined, new Replica()),
      put: () => store.put("q", bytesOf("x")),
      consume: () => store.consume("q", "owner", sink),
      ack: () => store.ack(1),
      nack: () => store.nack(1),
      move: () => store.move(1, "r"),
      extend: () => store.extend(1, 1000),
      release: () => store.release("owner"),
      size: () => store.size("q"),
      queues: () => store.queues(),
      purge: () => store.purge("q"),
      closeQueue: () => store.closeQueue("q"),
    };
    for (const [call, run] of Object.entries(calls)) {
      await expect((async () => run())(), `${call} after close`).rejects.toMatchObject({
        code: "CNR_ERR_STORE_CLOSED",
      });
    }
  });

  test("lets consumers and subscriptions be closed after the store, and calls no sink any more", async ({
    store,
  }) => {
    const replica = new Replica();
    const subscription = store.subscribe(undefined, replica);
    let calls = 0;
    const consumer = store.consume("q", "owner", { item: () => void calls++, end: () => void calls++ });
    consumer.demand(1);
    await store.close();
    consumer.demand(1);
    expect(await consumer.withdraw(1)).toBe(0);
    consumer.close();
    subscription[Symbol.dispose]();
    expect([calls, replica.resets, replica.revs]).toEqual([0, 1, []]);
  });
}
