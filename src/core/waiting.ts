import { onAbort } from "./abort.ts";
import { Deferred } from "./deferred.ts";
import { failure } from "./errors.ts";

/** What every method that waits takes as its last argument. */
export interface WaitOptions {
  /** Ends the wait: it rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the wait after so many milliseconds with a `TimeoutError`; left out, it waits as long as the link lives. */
  readonly timeoutMs?: number | undefined;
}

/** A wait that can be ended by its owner, by a signal or by time, and leaves no listener or timer behind. */
export class Waiter<T> {
  readonly #deferred = new Deferred<T>();
  readonly #onEnd: ((waiter: Waiter<T>) => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;
  settled = false;

  /**
   * @param what - names the wait in the error text ("get from queue \"tasks\"")
   * @param onGivenUp - called once when the signal or the time ends the wait, before it rejects
   */
  constructor(what: string, options: WaitOptions | undefined, onGivenUp?: (waiter: Waiter<T>) => void) {
    this.#onEnd = onGivenUp;
    const { signal, timeoutMs } = options ?? {};
    if (signal?.aborted) {
      this.reject(signal.reason);
      return;
    }
    if (signal) this.#stopListening = onAbort(signal, () => this.#giveUp(signal.reason));
    if (timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(
        () => this.#giveUp(failure("CNR_ERR_TIMEOUT", { what, timeoutMs })),
        Math.min(Math.max(timeoutMs, 0), 2 ** 31 - 1),
      );
    }
  }

  get promise(): Promise<T> {
    return this.#deferred.promise;
  }

  resolve(value: T): boolean {
    if (!this.#finish()) return false;
    this.#deferred.resolve(value);
    return true;
  }

  reject(reason: unknown): boolean {
    if (!this.#finish()) return false;
    this.#deferred.reject(reason);
    return true;
  }

  #giveUp(reason: unknown): void {
    // Settled before its owner hears of it: a line that hands on what this one waited for must not choose it again.
    if (!this.#finish()) return;
    this.#onEnd?.(this);
    this.#deferred.reject(reason);
  }

  #finish(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
    // Its owner may be kept long after the wait.
    this.#timer = undefined;
    this.#stopListening = undefined;
    return true;
  }
}

/** Waits for `promise` under `options`; the promise itself goes on when the wait is given up. */
export function waitFor<T>(promise: Promise<T>, what: string, options: WaitOptions | undefined): Promise<T> {
  if (!options || (options.signal === undefined && options.timeoutMs === undefined)) return promise;
  const waiter = new Waiter<T>(what, options);
  promise.then(
    (value) => waiter.resolve(value),
    (reason: unknown) => waiter.reject(reason),
  );
  return waiter.promise;
}
