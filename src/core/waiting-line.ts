import { RingBuffer } from "./ring-buffer.ts";
import { Waiter, type WaitOptions } from "./waiting.ts";

/** Waits in order of asking. Those that gave up leave no trace, however many there were. */
export class WaitingLine<T> {
  #line = new RingBuffer<Waiter<T>>();
  #givenUp = 0;
  readonly #onGiveUp: (() => void) | undefined;

  /** @param onGiveUp - hears of each wait that its owner ended before it was served */
  constructor(onGiveUp?: () => void) {
    this.#onGiveUp = onGiveUp;
  }

  get size(): number {
    return this.#line.size - this.#givenUp;
  }

  join(what: string, options: WaitOptions | undefined): Promise<T> {
    return this.add(new Waiter<T>(what, options, this.leave));
  }

  /** @param waiter - one that calls `leave` when it is given up */
  add(waiter: Waiter<T>): Promise<T> {
    if (!waiter.settled) this.#line.push(waiter);
    return waiter.promise;
  }

  /** The longest waiting, or undefined; the caller settles it. */
  next(): Waiter<T> | undefined {
    for (;;) {
      const waiter = this.#line.shift();
      if (!waiter?.settled) return waiter;
      this.#givenUp--;
    }
  }

  rejectAll(reason: unknown): void {
    for (let waiter = this.next(); waiter; waiter = this.next()) waiter.reject(reason);
  }

  readonly leave = (): void => {
    this.#givenUp++;
    if (this.#givenUp > 32 && this.#givenUp * 2 > this.#line.size) queueMicrotask(() => this.#compact());
    this.#onGiveUp?.();
  };

  #compact(): void {
    if (this.#givenUp === 0) return;
    const old = this.#line;
    this.#line = new RingBuffer();
    this.#givenUp = 0;
    for (const waiter of old) if (!waiter.settled) this.#line.push(waiter);
  }
}
