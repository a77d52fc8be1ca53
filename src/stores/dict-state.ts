import { HeldMemory } from "../core/held-memory.ts";
import type { CommitResult, DictEntry, DictOp, Rev } from "./store.ts";

/** The dict: live keys only. The order of the keys is part of the state, so snapshots keep it. */
export class DictState {
  readonly #entries = new Map<string, DictEntry>();
  readonly #memory = new HeldMemory();
  #rev: Rev = 0;

  get rev(): Rev {
    return this.#rev;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): DictEntry | undefined {
    return this.#entries.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  entries(): IterableIterator<[string, DictEntry]> {
    return this.#entries.entries();
  }

  commit(ops: readonly DictOp[]): CommitResult {
    for (const op of ops) {
      if (op.kind === "clear" || op.ifRev === undefined) continue;
      const rev = this.#entries.get(op.key)?.rev ?? 0;
      if (rev !== op.ifRev) return { ok: false, key: op.key, rev };
    }
    const rev = ++this.#rev;
    for (const op of ops) {
      if (op.kind === "set") this.#put(op.key, { value: op.value, rev });
      else if (op.kind === "delete") this.#entries.delete(op.key);
      else this.#entries.clear();
    }
    return { ok: true, rev };
  }

  /** Takes the place of an empty state. */
  restore(rev: Rev, entries: Iterable<readonly [string, DictEntry]>): void {
    this.#rev = rev;
    for (const [key, entry] of entries) this.#put(key, entry);
  }

  #put(key: string, entry: DictEntry): void {
    this.#entries.set(key, entry);
    if (!this.#memory.hold(entry.value)) return;
    const moved = this.#memory.move(this.#values());
    if (!moved) return;
    for (const [each, { value, rev }] of this.#entries) this.#entries.set(each, { value: moved(value), rev });
  }

  *#values(): Generator<Uint8Array> {
    for (const { value } of this.#entries.values()) yield value;
  }
}
