import { rejected } from "./deferred.ts";
import { RingBuffer } from "./ring-buffer.ts";
import type { WaitOptions } from "./waiting.ts";
import { WaitingLine } from "./waiting-line.ts";

/** Values that wait for a reader, or readers that wait for a value. After the end, what had arrived is still read. */
export class Mailbox<T> {
  readonly #values = new RingBuffer<T>();
  readonly #readers = new WaitingLine<T>();
  readonly #what: string;
  readonly #onTake: (() => void) | undefined;
  #end: { readonly reason: unknown } | undefined;

  /**
   * @param what - names the wait in the text of a time-out
   * @param onTake - hears of each value that a reader has taken
   */
  constructor(what: string, onTake?: () => void) {
    this.#what = what;
    this.#onTake = onTake;
  }

  get size(): number {
    return this.#values.size;
  }

  push(value: T): void {
    if (this.#end) return;
    const reader = this.#readers.next();
    if (!reader) return this.#values.push(value);
    reader.resolve(value);
    this.#onTake?.();
  }

  /** No value will come any more: readers get what is left, then `reason`. */
  end(reason: unknown): void {
    if (this.#end) return;
    this.#end = { reason };
    this.#readers.rejectAll(reason);
  }

  tryTake(): T | undefined {
    if (this.#values.size === 0) return undefined;
    const value = this.#values.shift() as T;
    this.#onTake?.();
    return value;
  }

  take(options?: WaitOptions): Promise<T> {
    if (options?.signal?.aborted) return rejected(options.signal.reason);
    if (this.#values.size > 0) return Promise.resolve(this.tryTake() as T);
    if (this.#end) return rejected(this.#end.reason);
    return this.#readers.join(this.#what, options);
  }

  clear(): void {
    this.#values.clear();
  }
}
