import type { RingBuffer } from "../core/ring-buffer.ts";
import type { DictWrite } from "../protocol/dict-messages.ts";
import type { Rev } from "../stores/store.ts";

/** How many of a member's newest operations a condition can refer to. */
const REMEMBERED = 128;
const UNKNOWN = -1;

/** One replica, as its authority knows it. */
export class AuthorityMember {
  /** The name of its commits in the store: never used twice. */
  readonly origin: string;
  /** Whether functions in what it writes are passed on. */
  readonly mayBringCode: boolean;
  /** Operations that have been answered: all before them have been, too. */
  answered = 0;
  /** What it wrote while a commit of it was under way; undefined when none is. */
  waiting: RingBuffer<DictWrite> | undefined;
  /** What is being committed, and how many of its operations that is. */
  committing: DictWrite | undefined;
  committingCount = 0;
  /** Lazily: most members read only. */
  #revs: Rev[] | undefined;

  constructor(origin: string, mayBringCode: boolean) {
    this.origin = origin;
    this.mayBringCode = mayBringCode;
  }

  /** @param rev - undefined: it has left no value that the member knows */
  answer(rev: Rev | undefined): void {
    this.#revs ??= new Array<Rev>(REMEMBERED).fill(UNKNOWN);
    this.#revs[++this.answered % REMEMBERED] = rev ?? UNKNOWN;
  }

  /** Whether the operation that many places before the next one was the commit of this revision. */
  hasCommitted(distance: number, rev: Rev): boolean {
    const place = this.answered + 1 - distance;
    return distance <= REMEMBERED && place > 0 && this.#revs?.[place % REMEMBERED] === rev;
  }
}
