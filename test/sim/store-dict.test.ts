import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/stores/memory-store.ts";
import type { CommitResult, DictOp } from "../../src/stores/store.ts";
import { Replica, textOf } from "../conformance/store-harness.ts";
import { dictOp } from "../unit/stores/command-arbitrary.ts";

const ops = fc.array(dictOp, { maxLength: 4 });
const action = fc.oneof(
  { weight: 6, arbitrary: ops.map((given) => ({ kind: "commit" as const, ops: given })) },
  { weight: 1, arbitrary: fc.nat(3).map((slot) => ({ kind: "join" as const, slot })) },
  { weight: 2, arbitrary: fc.nat(3).map((slot) => ({ kind: "leave" as const, slot })) },
  { weight: 2, arbitrary: fc.nat(3).map((slot) => ({ kind: "resume" as const, slot })) },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** A plain map, and the rules of a commit written down once more. */
class DictModel {
  entries = new Map<string, { value: Uint8Array; rev: number }>();
  rev = 0;

  commit(given: readonly DictOp[]): CommitResult {
    for (const op of given) {
      const rev = op.kind === "clear" ? 0 : (this.entries.get(op.key)?.rev ?? 0);
      if (op.kind !== "clear" && op.ifRev !== undefined && op.ifRev !== rev)
        return { ok: false, key: op.key, rev };
    }
    const next = new Map(this.entries);
    for (const op of given) {
      if (op.kind === "clear") next.clear();
      else if (op.kind === "delete") next.delete(op.key);
      else next.set(op.key, { value: op.value, rev: this.rev + 1 });
    }
    this.entries = next;
    return { ok: true, rev: ++this.rev };
  }
}

/** One who comes, goes, and comes back with its cursor. */
class Subscriber {
  replica = new Replica();
  subscription: Disposable | undefined;

  act(kind: "join" | "leave" | "resume", store: MemoryStore): void {
    this.subscription?.[Symbol.dispose]();
    this.subscription = undefined;
    if (kind === "leave") return;
    if (kind === "join") this.replica = new Replica();
    this.subscription = store.subscribe(kind === "resume" ? this.replica.at : undefined, this.replica);
  }
}

/** Guards against a hang alone: the machine may be busy. */
const TIMEOUT_MS = 120_000;

describe("the dict of a store", { timeout: TIMEOUT_MS }, () => {
  const seen = new Set<string>();

  function live(actions: readonly Action[], store: MemoryStore): void {
    const model = new DictModel();
    const subscribers = Array.from({ length: 4 }, () => new Subscriber());
    for (const action of actions) {
      if (action.kind === "commit") {
        const result = model.commit(action.ops);
        expect(store.commit(action.ops, "me")).toEqual(result);
        seen.add(`commit ${result.ok}`);
      } else {
        const subscriber = subscribers[action.slot] as Subscriber;
        const { resets } = subscriber.replica;
        subscriber.act(action.kind, store);
        if (action.kind === "resume" && resets > 0) seen.add(`reset ${subscriber.replica.resets > resets}`);
      }
    }
    expect([...store.entries()]).toEqual([...model.entries]);
    for (const { subscription, replica } of subscribers) {
      expect(new Set(replica.revs).size).toBe(replica.revs.length);
      if (!subscription) continue;
      expect(replica.at).toEqual({ epoch: store.epoch, rev: model.rev });
      expect([...replica.values]).toEqual([...model.entries].map(([key, { value }]) => [key, textOf(value)]));
    }
  }

  it("does what the plain model does, and every replica follows without a gap or a repeat", () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 80, size: "max" }), (actions) => {
        // A short history, so that some who resume are too late.
        live(actions, new MemoryStore({ history: { maxChanges: 5, maxBytes: 2000 } }));
      }),
      { numRuns: 500 },
    );
    // Lives in which these never happen would prove little.
    expect([...seen].sort()).toEqual(["commit false", "commit true", "reset false", "reset true"]);
  });
});
