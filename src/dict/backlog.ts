import type { PlainDictOp } from "../protocol/dict-messages.ts";
import type { DictEntry, Rev } from "../stores/store.ts";
import type { AuthorityMember } from "./authority-member.ts";
import type { ChangeRun, RunOutcome } from "./change-runs.ts";

/** From here on it is looked whether most of the noted keys are still there. */
const MANY_KEYS = 1024;

/** What a replica that does not keep up is told later: what became of its own writes, then the newest value of each changed key. */
export class Backlog {
  readonly answers: (number | RunOutcome)[] = [];
  readonly #dirty = new Set<string>();
  /** When it is no longer worth telling the keys apart. */
  #isWhole: boolean;
  #checkAt = MANY_KEYS;

  constructor(isWhole: boolean) {
    this.#isWhole = isWhole;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  add(run: ChangeRun, member: AuthorityMember, find: (key: string) => DictEntry | undefined): void {
    if (run.origin === member) {
      this.#answer(run);
      return;
    }
    if (run.hasClear) this.addAll();
    if (this.#isWhole) return;
    for (const key of run.keys) this.#dirty.add(key);
    if (this.#dirty.size >= this.#checkAt) this.#check(find);
  }

  addAll(): void {
    this.#isWhole = true;
    this.#dirty.clear();
  }

  /** What the changed keys hold now. */
  *values(find: (key: string) => DictEntry | undefined): Generator<PlainDictOp> {
    for (const key of this.#dirty) {
      const entry = find(key);
      yield entry ? { kind: "set", key, value: entry.value } : { kind: "delete", key };
    }
  }

  #answer(run: ChangeRun): void {
    if (run.outcome) {
      this.answers.push(run.outcome);
      return;
    }
    const last = this.answers.length - 1;
    const before = this.answers[last];
    if (typeof before === "number") this.answers[last] = before + run.answers;
    else this.answers.push(run.answers);
  }

  /** Keys that were deleted must not pile up: the whole state is shorter than their list then. */
  #check(find: (key: string) => DictEntry | undefined): void {
    let gone = 0;
    for (const key of this.#dirty) if (!find(key)) gone++;
    if (gone * 2 > this.#dirty.size) this.addAll();
    else this.#checkAt = this.#dirty.size * 2;
  }
}

/** How an authority speaks to one replica at the other end of a link. Each method throws when it cannot send now, and has sent nothing then. */
export interface Downlink {
  /** The network does not take what was sent. */
  readonly isSaturated: boolean;
  /** @param rev - the state that the replica has then; 0: more will come before it has one */
  acknowledge(count: number, rev: Rev): void;
  result(rev: Rev, key: string, value: Uint8Array): void;
  refuse(code: string, text: string): void;
  /** @param bytes - `operations` atomic operations, with their attachments */
  change(rev: Rev, operations: number, bytes: Uint8Array, attachments: readonly Uint8Array[]): void;
  values(rev: Rev, ops: Iterable<PlainDictOp>): void;
  reset(rev: Rev, entries: Iterable<readonly [key: string, entry: DictEntry]>): void;
}
