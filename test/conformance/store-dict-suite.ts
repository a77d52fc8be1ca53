import { expect } from "vitest";
import { bytesOf, numbers, Replica, remove, set, textOf, until } from "./store-harness.ts";
import type { StoreTest } from "./store-suite.ts";

const ODD_KEYS = [
  "",
  " ",
  "a b",
  "a..b",
  ".",
  "*",
  ">",
  "ключ💥",
  "a\0b",
  "x".repeat(5000),
  "__proto__",
  "constructor",
  "\ud800",
  "\ud801",
];

export function dictConformance(test: StoreTest): void {
  test("keeps the exact bytes, and tells an empty value from a missing one", async ({ store }) => {
    const value = Uint8Array.from({ length: 256 }, (_, n) => n);
    await store.commit([{ kind: "set", key: "all", value }], "me");
    await store.commit([set("empty", "")], "me");
    expect(store.get("all")?.value).toEqual(value);
    expect(store.get("empty")?.value).toEqual(new Uint8Array());
    expect(store.get("missing")).toBeUndefined();
  });

  test("takes any string as a key", async ({ store, peer }) => {
    for (const [n, key] of ODD_KEYS.entries()) await store.commit([set(key, `value ${n}`)], "me");
    await peer.barrier();
    for (const each of [store, peer]) {
      expect([...each.keys()]).toEqual(ODD_KEYS);
      for (const [n, key] of ODD_KEYS.entries()) expect(textOf(each.get(key)?.value)).toBe(`value ${n}`);
    }
  });

  test("takes values of 3 and of 20 MB", async ({ store, peer }) => {
    for (const length of [3e6, 20e6]) {
      const value = new Uint8Array(length).fill(length % 251);
      await store.commit([{ kind: "set", key: "large", value }], "me");
      await peer.barrier();
      const found = peer.get("large")?.value;
      expect(found?.length).toBe(length);
      expect(found?.every((byte) => byte === length % 251)).toBe(true);
    }
  });

  test("orders all commits of all writers alike for everybody, with growing revisions", async (made) => {
    const { store, peer } = made;
    const here = new Replica();
    const there = new Replica();
    store.subscribe(undefined, here);
    peer.subscribe(undefined, there);
    const commits = numbers(200).map(async (n) =>
      (Number(n) % 2 ? store : peer).commit([set(`k${Number(n) % 7}`, n)], `writer ${Number(n) % 2}`),
    );
    await Promise.all(commits);
    await until(made, () => here.revs.length === 200 && there.revs.length === 200);
    expect(here.changes).toEqual(there.changes);
    expect(here.origins).toEqual(there.origins);
    expect(here.revs).toEqual([...new Set(here.revs)].sort((a, b) => a - b));
  });

  test("applies commits that nobody awaits in the order of the calls", async (made) => {
    const replica = new Replica();
    made.store.subscribe(undefined, replica);
    await Promise.all(numbers(1000).map(async (n) => made.store.commit([set("k", n)], "me")));
    expect(replica.changes.map((change) => change.split("=")[1])).toEqual(numbers(1000));
  });

  test("has shown a commit to local readers and subscribers when it answers", async ({ store }) => {
    const replica = new Replica();
    store.subscribe(undefined, replica);
    for (const n of numbers(50)) {
      const result = await store.commit([set("k", n)], "me");
      expect(result).toEqual({ ok: true, rev: store.rev });
      expect(replica.values.get("k")).toBe(n);
      expect(replica.at.rev).toBe(result.rev);
      expect(store.get("k")).toEqual({ value: bytesOf(n), rev: result.rev });
    }
  });

  test("gives all keys of one commit one revision, and one change with its origin", async ({ store }) => {
    const replica = new Replica();
    store.subscribe(undefined, replica);
    const { rev } = await store.commit([set("a", "1"), set("b", "2"), remove("a")], "session 7");
    expect(store.get("b")?.rev).toBe(rev);
    expect(replica.changes).toEqual([`${rev} set a=1`, `${rev} set b=2`, `${rev} delete a`]);
    expect(replica.origins).toEqual(["session 7"]);
  });

  test("applies nothing of a commit with a failed condition, and tells nobody", async ({ store }) => {
    const { rev } = await store.commit([set("a", "1")], "me");
    const replica = new Replica();
    store.subscribe(undefined, replica);
    expect(await store.commit([set("c", "3"), set("a", "9", rev + 1)], "me")).toEqual({
      ok: false,
      key: "a",
      rev,
    });
    expect(await store.commit([remove("none", 5), set("c", "3")], "me")).toEqual({
      ok: false,
      key: "none",
      rev: 0,
    });
    expect([...store.keys()]).toEqual(["a"]);
    expect(store.rev).toBe(rev);
    expect(replica.revs).toEqual([]);
  });

  test("tests conditions against the state before the commit", async ({ store }) => {
    const { rev } = await store.commit([set("a", "1")], "me");
    expect(
      await store.commit([{ kind: "clear" }, set("a", "2", rev), set("b", "2", 0), set("b", "3", 0)], "me"),
    ).toMatchObject({
      ok: true,
    });
    expect(textOf(store.get("b")?.value)).toBe("3");
  });

  test("creates a key once when many try at the same time", async ({ store, peer }) => {
    const results = await Promise.all(
      [store, peer, store, peer].map(async (each) => each.commit([set("once", "x", 0)], "me")),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(1);
  });

  test("loses no step of a counter that two writers raise by compare and set", async (made) => {
    const raise = async (store: typeof made.store): Promise<void> => {
      for (let n = 0; n < 25; ) {
        const entry = store.get("n");
        const next = String(Number(textOf(entry?.value) ?? "0") + 1);
        if ((await store.commit([set("n", next, entry?.rev ?? 0)], "me")).ok) n++;
        else await made.elapse(1);
      }
    };
    await Promise.all([raise(made.store), raise(made.peer)]);
    await made.store.barrier();
    expect(textOf(made.store.get("n")?.value)).toBe("50");
  });

  test("brings deletes and clears in order, also those that change nothing", async (made) => {
    const replica = new Replica();
    made.peer.subscribe(undefined, replica);
    const { store } = made;
    await store.commit([remove("missing")], "me");
    await store.commit([{ kind: "clear" }], "me");
    await store.commit([set("a", "1")], "me");
    await store.commit([], "nothing at all");
    await store.commit([{ kind: "clear" }, set("b", "2")], "me");
    await until(made, () => replica.revs.length === 5);
    expect(replica.changes.map((change) => change.replace(/^\d+ /, ""))).toEqual([
      "delete missing",
      "clear",
      "set a=1",
      "clear",
      "set b=2",
    ]);
    expect(replica.origins[3]).toBe("nothing at all");
    expect([...replica.values]).toEqual([["b", "2"]]);
  });

  test("starts a subscriber with the full state, then gives each change", async (made) => {
    const { store } = made;
    await store.commit([set("a", "1"), set("b", "2")], "me");
    const replica = new Replica();
    store.subscribe(undefined, replica);
    expect(replica.at).toEqual({ epoch: store.epoch, rev: store.rev });
    expect([...replica.values]).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    await store.commit([set("a", "3")], "me");
    expect(replica.resets).toBe(1);
    expect(replica.values.get("a")).toBe("3");
  });

  test("gives a subscriber that comes amid writes no gap and no repeat", async (made) => {
    const { store, peer } = made;
    const replicas: Replica[] = [];
    for (let round = 0; round < 20; round++) {
      const commits = numbers(10).map(async (n) => store.commit([set(`k${n}`, `${round}`)], "me"));
      const replica = new Replica();
      peer.subscribe(undefined, replica);
      replicas.push(replica);
      await Promise.all(commits);
    }
    await until(made, () => replicas.every((replica) => replica.at.rev === store.rev));
    for (const replica of replicas) {
      expect(new Set(replica.revs).size).toBe(replica.revs.length);
      expect(Object.fromEntries(replica.values)).toEqual(
        Object.fromEntries(numbers(10).map((n) => [`k${n}`, "19"])),
      );
    }
  });

  test("resumes from a cursor with only what was missed", async ({ store }) => {
    const first = new Replica();
    const subscription = store.subscribe(undefined, first);
    await store.commit([set("a", "1")], "me");
    subscription[Symbol.dispose]();
    await store.commit([set("b", "2")], "me");
    await store.commit([remove("a")], "me");
    expect(first.revs).toHaveLength(1);
    const resumed = new Replica();
    store.subscribe(first.at, resumed);
    await store.commit([set("c", "3")], "me");
    expect(resumed.resets).toBe(0);
    expect(resumed.changes.map((change) => change.replace(/^\d+ /, ""))).toEqual([
      "set b=2",
      "delete a",
      "set c=3",
    ]);
  });

  test("resets a subscriber whose cursor is of another epoch or of the future", async ({ store }) => {
    await store.commit([set("a", "1")], "me");
    for (const cursor of [
      { epoch: "other", rev: 1 },
      { epoch: store.epoch, rev: store.rev + 1 },
    ]) {
      const replica = new Replica();
      store.subscribe(cursor, replica);
      expect(replica.resets).toBe(1);
      expect([...replica.values]).toEqual([["a", "1"]]);
    }
  });

  test("has applied at a barrier what was committed anywhere before", async ({ store, peer }) => {
    for (const n of numbers(20)) {
      const { rev } = await store.commit([set("k", n)], "me");
      expect(await peer.barrier()).toBeGreaterThanOrEqual(rev);
      expect(textOf(peer.get("k")?.value)).toBe(n);
    }
  });

  test("goes on when a sink throws", async ({ store }) => {
    const replica = new Replica();
    store.subscribe(undefined, {
      reset: () => {
        throw new Error("reset");
      },
      change: () => {
        throw new Error("change");
      },
    });
    store.subscribe(undefined, replica);
    expect(await store.commit([set("a", "1")], "me")).toMatchObject({ ok: true });
    expect(replica.values.get("a")).toBe("1");
  });

  test("shows commits that a sink makes after the one that caused them", async (made) => {
    const { store } = made;
    const early = new Replica();
    const late = new Replica();
    store.subscribe(undefined, early);
    let seenAtAnswer: string | undefined;
    store.subscribe(undefined, {
      reset: () => {},
      change: (rev, ops) => {
        if (ops.some((op) => op.kind === "set" && op.key === "cause")) {
          void (async () => {
            await store.commit([set("effect", `of ${rev}`)], "sink");
            seenAtAnswer = late.values.get("effect");
          })();
        }
      },
    });
    store.subscribe(undefined, late);
    const { rev } = await store.commit([set("cause", "1")], "me");
    await until(made, () => seenAtAnswer !== undefined);
    expect(seenAtAnswer).toBe(`of ${rev}`);
    expect(early.changes).toEqual([`${rev} set cause=1`, `${rev + 1} set effect=of ${rev}`]);
    expect(late.changes).toEqual(early.changes);
  });
}
