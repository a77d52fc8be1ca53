import { RingBuffer } from "../core/ring-buffer.ts";
import type { Cursor, DictEntry, DictOp, DictSink, Rev } from "./store.ts";

export interface Change {
  readonly rev: Rev;
  readonly ops: readonly DictOp[];
  readonly origin: string;
  /** About what memory it takes to keep it. */
  readonly bytes: number;
}

/** How many of the newest changes are kept, so that a subscriber who was away can go on from its cursor. */
export interface HistoryLimits {
  readonly maxChanges: number;
  readonly maxBytes: number;
}

/** Of one change or operation, for the objects around keys and values. */
const OVERHEAD_BYTES = 100;

interface Subscriber {
  readonly sink: DictSink;
  /** The newest change that it knows. */
  rev: Rev;
}

/** Brings a dict's changes to its subscribers: first the full state or what they missed, then each change. */
export class ChangeFeed {
  readonly #limits: HistoryLimits;
  readonly #onSinkError: (error: unknown) => void;
  readonly #subscribers = new Set<Subscriber>();
  #history: RingBuffer<Change> | undefined;
  #historyBytes = 0;
  #newest: ArrayBufferLike | undefined;

  constructor(limits: HistoryLimits, onSinkError: (error: unknown) => void) {
    this.#limits = limits;
    this.#onSinkError = onSinkError;
  }

  /** Keeps a change for those who resume. Every change must come here, in order. */
  record(rev: Rev, ops: readonly DictOp[], origin: string): Change {
    this.#history ??= new RingBuffer();
    const history = this.#history;
    const change: Change = { rev, ops, origin, bytes: this.#bytesOf(ops) };
    history.push(change);
    this.#historyBytes += change.bytes;
    while (history.size > this.#limits.maxChanges || this.#historyBytes > this.#limits.maxBytes) {
      this.#historyBytes -= (history.shift() as Change).bytes;
    }
    return change;
  }

  publish(change: Change): void {
    for (const subscriber of this.#subscribers) {
      // One that subscribed between the commit and now has the change in what it began with.
      if (subscriber.rev >= change.rev) continue;
      subscriber.rev = change.rev;
      this.#hand(subscriber.sink, change);
    }
  }

  /** @param at - where `entries` stand, which is the newest change recorded */
  subscribe(
    since: Cursor | undefined,
    at: Cursor,
    entries: Iterable<readonly [string, DictEntry]>,
    sink: DictSink,
  ): Disposable {
    const missed = since?.epoch === at.epoch ? this.#between(since.rev, at.rev) : undefined;
    const subscriber: Subscriber = { sink, rev: at.rev };
    this.#subscribers.add(subscriber);
    if (missed) for (const change of missed) this.#hand(sink, change);
    else {
      try {
        sink.reset(entries, at);
      } catch (error) {
        this.#onSinkError(error);
      }
    }
    return { [Symbol.dispose]: () => void this.#subscribers.delete(subscriber) };
  }

  clear(): void {
    this.#subscribers.clear();
    this.#history = undefined;
  }

  /** A value is a view that holds all of the memory it came in; values that follow each other mostly share it. */
  #bytesOf(ops: readonly DictOp[]): number {
    let bytes = OVERHEAD_BYTES;
    for (const op of ops) {
      bytes += OVERHEAD_BYTES;
      if (op.kind !== "clear") bytes += 2 * op.key.length;
      if (op.kind !== "set") continue;
      const { buffer } = op.value;
      if (buffer !== this.#newest) bytes += buffer.byteLength;
      this.#newest = buffer;
    }
    return bytes;
  }

  #hand(sink: DictSink, change: Change): void {
    try {
      sink.change(change.rev, change.ops, change.origin);
    } catch (error) {
      this.#onSinkError(error);
    }
  }

  /** The changes after `since`; undefined when not all of them are kept, or when it lies in the future. */
  #between(since: Rev, newest: Rev): Change[] | undefined {
    const count = newest - since;
    if (count === 0) return [];
    const kept = this.#history ? [...this.#history] : [];
    return count > 0 && count <= kept.length ? kept.slice(kept.length - count) : undefined;
  }
}
