import { beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { withLimits } from "../../../src/core/limits.ts";
import { DictAuthority, type Membership } from "../../../src/dict/dict-authority.ts";
import { DictReplica } from "../../../src/dict/dict-replica.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import type { Awaitable, CommitResult, DictOp, Rev } from "../../../src/stores/store.ts";
import { turns } from "../session/session-pair.ts";
import { bytesOf, set } from "./lonely-replica.ts";
import { NotedDownlink } from "./noted-downlink.ts";

/** A store that answers when the test says so. */
class HeldStore extends MemoryStore {
  readonly #held: (() => void)[] = [];
  commits = 0;
  failsWith: Error | undefined;

  override commit(ops: readonly DictOp[], origin: string): Awaitable<CommitResult> {
    this.commits++;
    return this.#hold(() => super.commit(ops, origin));
  }

  override barrier(): Awaitable<Rev> {
    return this.#hold(() => super.barrier());
  }

  /** A commit of another server, applied at once. */
  elsewhere(ops: readonly DictOp[]): void {
    void super.commit(ops, "elsewhere");
  }

  /** Carries out what was asked for first. */
  async answer(): Promise<void> {
    this.#held.shift()?.();
    await turns(1);
  }

  #hold<T>(apply: () => Awaitable<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#held.push(() => (this.failsWith ? reject(this.failsWith) : resolve(apply())));
    });
  }
}

let store: HeldStore;
let authority: DictAuthority;
let a: NotedDownlink;
let other: NotedDownlink;
let membership: Membership;

beforeEach(() => {
  store = new HeldStore();
  authority = new DictAuthority(store, withLimits());
  a = new NotedDownlink();
  other = new NotedDownlink();
  membership = authority.join(a);
  authority.join(other);
  a.take();
  other.take();
});

describe("over a store that takes its time", () => {
  it("a write is answered when the store has answered", async () => {
    membership.write(set("x", 1));
    await turns(1);
    expect([a.take(), other.take()]).toEqual([[], []]);
    await store.answer();
    expect(a.take()).toEqual([{ acknowledge: 1, rev: 1 }]);
    expect(other.take()).toEqual([{ change: [[["x", 1]]], rev: 1 }]);
  });

  it("plain writes that come meanwhile are one commit, in their order", async () => {
    membership.write(set("x", 1));
    membership.write(set("x", 2));
    membership.write({ kind: "update", changes: [set("y", 3), { kind: "delete", key: "x" }] });
    membership.write({ kind: "clear" });
    membership.write(set("z", 4));
    await store.answer();
    await store.answer();
    expect(store.commits).toBe(2);
    expect(a.take()).toEqual([
      { acknowledge: 1, rev: 1 },
      { acknowledge: 4, rev: 2 },
    ]);
    expect(other.take().flatMap((message) => message["change"])).toEqual([
      [["x", 1]],
      [["x", 2], ["y", 3], ["x", undefined], "clear", ["z", 4]],
    ]);
  });

  it("a conditional write waits for those before it, and holds up those after it", async () => {
    membership.write(set("x", 1));
    membership.write(set("y", 1));
    membership.write({ kind: "swap", key: "y", condition: { kind: "own", distance: 1 }, value: bytesOf(2) });
    membership.write({
      kind: "swap",
      key: "y",
      condition: { kind: "own", distance: 2 },
      value: bytesOf("wrong"),
    });
    membership.write({ kind: "increment", key: "n", by: 1 });
    membership.write({ kind: "barrier" });
    membership.write(set("z", 1));
    for (let n = 0; n < 6; n++) await store.answer();
    expect(a.take()).toEqual([
      { acknowledge: 1, rev: 1 },
      { acknowledge: 1, rev: 2 },
      { acknowledge: 1, rev: 3 },
      { refuse: "CNR_ERR_CONFLICT" },
      { result: ["n", 1], rev: 4 },
      { acknowledge: 1, rev: 4 },
      { acknowledge: 1, rev: 5 },
    ]);
  });

  it("a condition may name any of the writes that went into one commit", async () => {
    membership.write(set("first", 1));
    for (const key of ["x", "y", "z"]) membership.write(set(key, 1));
    membership.write({ kind: "swap", key: "x", condition: { kind: "own", distance: 3 }, value: bytesOf(2) });
    membership.write({ kind: "swap", key: "z", condition: { kind: "own", distance: 2 }, value: bytesOf(2) });
    for (let n = 0; n < 4; n++) await store.answer();
    expect(a.take().filter((message) => "refuse" in message)).toEqual([]);
  });

  it("a condition that fails only when the store looks is looked at again", async () => {
    membership.write({ kind: "increment", key: "n", by: 1 });
    membership.write({ kind: "swap", key: "x", condition: { kind: "absent" }, value: bytesOf("late") });
    store.elsewhere([set("n", 10)]);
    await store.answer();
    await store.answer();
    store.elsewhere([set("x", "early")]);
    await store.answer();
    expect(a.take()).toEqual([
      { change: [[["n", 10]]], rev: 1 },
      { result: ["n", 11], rev: 2 },
      { change: [[["x", "early"]]], rev: 3 },
      { refuse: "CNR_ERR_CONFLICT" },
    ]);
  });

  it("every write of a commit that fails is refused, and the next ones go on", async () => {
    membership.write(set("first", 1));
    membership.write(set("x", 1));
    membership.write(set("y", 1));
    membership.write({ kind: "barrier" });
    await store.answer();
    store.failsWith = failure("CNR_ERR_STORE_CLOSED");
    await store.answer();
    await store.answer();
    store.failsWith = undefined;
    membership.write(set("z", 1));
    await store.answer();
    const refused = { refuse: "CNR_ERR_STORE_CLOSED" };
    expect(a.take()).toEqual([
      { acknowledge: 1, rev: 1 },
      refused,
      refused,
      refused,
      { acknowledge: 1, rev: 2 },
    ]);
  });

  it("what a replica wrote before it left is still done", async () => {
    membership.write(set("x", 1));
    membership.write(set("y", 2));
    membership[Symbol.dispose]();
    await store.answer();
    await store.answer();
    expect(other.take().flatMap((message) => message["change"])).toEqual([[["x", 1]], [["y", 2]]]);
    expect(a.take()).toEqual([]);
  });

  it("a replica of this process shows its writes at once, and hears of those of others", async () => {
    const replica = new DictReplica({ limits: withLimits(), onError() {} });
    const heard: string[] = [];
    replica.onChange(({ key, origin }) => void heard.push(`${key} ${origin}`));
    authority.joinReplica(replica);
    replica.set("x", 1);
    expect([replica.get("x"), replica.pending]).toEqual([1, 1]);
    const refused = replica.swap("x", undefined, bytesOf("wrong"));
    store.elsewhere([set("y", 1)]);
    await store.answer();
    await expect(refused).rejects.toThrow("has changed");
    await turns(1);
    expect([replica.get("x"), replica.get("y"), replica.pending]).toEqual([1, 1, 0]);
    expect(heard).toEqual(["x local", "x local", "y remote", "x remote"]);
  });
});
