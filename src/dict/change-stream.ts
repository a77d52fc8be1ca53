import { ConnectorError, failure } from "../core/errors.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { WaitingLine } from "../core/waiting-line.ts";
import type { ChangeOrigin, DictEvent } from "./dict-event.ts";
import type { DictReplica } from "./dict-replica.ts";

/** What `dict.changes()` yields: what a key has become since it was last yielded. */
export interface DictChangeEntry<Key = string, Value = unknown> {
  readonly key: Key;
  readonly value: Value | undefined;
  readonly previous: Value | undefined;
  readonly origin: ChangeOrigin;
}

/**
 * The changes of a dict as an async iterator. A reader that does not keep up finds the changes of each key merged into one, so what
 * waits for it never takes more than the keys that there are.
 */
export class ChangeStream implements AsyncIterableIterator<DictChangeEntry> {
  readonly #waiting = new Map<string, DictChangeEntry>();
  readonly #readers = new WaitingLine<IteratorResult<DictChangeEntry>>();
  readonly #key: string | undefined;
  readonly #options: WaitOptions | undefined;
  readonly #subscriptions: readonly Disposable[];
  #end: { readonly reason: unknown } | undefined;

  constructor(replica: DictReplica, key: string | undefined, options: WaitOptions | undefined) {
    this.#key = key;
    this.#options = options;
    this.#subscriptions = [
      replica.onChange((event) => this.#take(event)),
      replica.onDetach((reason) => this.#finish(reason)),
    ];
    const detached = replica.whyDetached;
    if (detached) this.#finish(detached);
  }

  async next(): Promise<IteratorResult<DictChangeEntry>> {
    for (const [key, entry] of this.#waiting) {
      this.#waiting.delete(key);
      return { done: false, value: entry };
    }
    if (this.#end) return endOf(this.#end.reason);
    try {
      return await this.#readers.join("the next change of the dict", this.#options);
    } catch (error) {
      this.#finish(error);
      throw error;
    }
  }

  async return(): Promise<IteratorResult<DictChangeEntry>> {
    this.#waiting.clear();
    this.#finish(failure("CNR_ERR_CLOSED", { by: "this side" }));
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(event: DictEvent): void {
    for (const { key, value, previous } of event.changes) {
      if (this.#key !== undefined && key !== this.#key) continue;
      const earlier = this.#waiting.get(key);
      const entry = { key, value, previous: earlier ? earlier.previous : previous, origin: event.origin };
      const reader = this.#readers.next();
      if (reader) reader.resolve({ done: false, value: entry });
      else this.#waiting.set(key, entry);
    }
  }

  #finish(reason: unknown): void {
    if (this.#end) return;
    this.#end = { reason };
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    for (let reader = this.#readers.next(); reader; reader = this.#readers.next()) {
      endOf(reason).then(
        (result) => reader.resolve(result),
        (error: unknown) => reader.reject(error),
      );
    }
  }
}

/** After an orderly close the loop just ends. */
async function endOf(reason: unknown): Promise<IteratorResult<DictChangeEntry>> {
  if (ConnectorError.is(reason) && reason.code === "CNR_ERR_CLOSED") return { done: true, value: undefined };
  throw reason;
}
