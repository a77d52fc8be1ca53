import { callSafely } from "./emitter.ts";
import { ConnectorError, failure } from "./errors.ts";
import { type WaitOptions, waitFor } from "./waiting.ts";

/** Whoever does the work of futures; it knows each by a number, so that a call needs no closure of its own. */
export interface Worker {
  /** Stops the work; the future itself is settled by the caller. */
  cancel(id: number): void;
}

export type FutureState = "pending" | "fulfilled" | "rejected" | "cancelled";

/** Settles a future: only its maker has these names. */
export const fulfil: unique symbol = Symbol("fulfil");
export const fail: unique symbol = Symbol("fail");
export const failAt: unique symbol = Symbol("failAt");

let capturedResolve: (value: never) => void;
let capturedReject: (reason: unknown) => void;
// One executor for all futures: no closure per call on the hot path.
const capture = (resolve: (value: never) => void, reject: (reason: unknown) => void): void => {
  capturedResolve = resolve;
  capturedReject = reject;
};
const ignore = (): void => {};

/**
 * The outcome of work on the other side. Awaiting it is the Python original's `block=True`, keeping it is `block=False`.
 * A failure that nobody asks for stays in it, and never ends the process.
 *
 * @example
 * const sum = client.callRemote("add", [1, 2]);
 * sum.addDoneCallback(() => console.log(sum.state));
 * console.log(await sum);
 */
export class Future<T> extends Promise<T> {
  /** One that has failed already. */
  static failed<T>(error: unknown): Future<T> {
    const future = new Future<T>();
    future[fail](error);
    return future;
  }

  readonly #resolve: (value: T) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #worker: Worker | undefined;
  readonly #id: number;
  #state: FutureState = "pending";
  #callbacks: Set<(future: Future<T>) => void> | undefined;

  /** @param worker - stops the work; without it, the work cannot be cancelled */
  constructor(worker?: Worker, id = 0) {
    super(capture as never);
    this.#resolve = capturedResolve as never;
    this.#reject = capturedReject;
    this.#worker = worker;
    this.#id = id;
  }

  /** What `then` and `finally` give are plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** `"cancelled"` after `cancel()`. */
  get state(): FutureState {
    return this.#state;
  }

  /** Whether there is an outcome, of whatever kind. */
  done(): boolean {
    return this.#state !== "pending";
  }

  /** Whether the state is `"cancelled"`. */
  cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /**
   * Waits for the outcome for a limited time; the work goes on when the wait is given up.
   *
   * @param options - `timeoutMs` (milliseconds) and `signal` end the wait, with `CNR_ERR_TIMEOUT` or the signal's reason
   * @returns resolves to the value; rejects with the work's failure
   * @example
   * const sum = client.callRemote("add", [1, 2]);
   * console.log(await sum.result({ timeoutMs: 1000 }));
   */
  result(options?: WaitOptions): Promise<T> {
    return waitFor<T>(this, "the result", options);
  }

  /** Waits for the outcome and gives the failure, or undefined when there is none. */
  exception(options?: WaitOptions): Promise<unknown> {
    const outcome = this.then(
      () => undefined,
      (error: unknown) => error,
    );
    return waitFor(outcome, "the outcome", options);
  }

  /**
   * Stops the work, on the other side too; the future rejects with a `CancelledError` at once.
   *
   * @param reason - becomes the error's `cause`
   * @returns whether it was still pending
   */
  cancel(reason?: unknown): boolean {
    if (this.#state !== "pending" || !this.#worker) return false;
    this.#worker.cancel(this.#id);
    const details = { what: "the call" };
    this[fail](
      reason === undefined
        ? failure("CNR_ERR_CANCELLED", details)
        : failure("CNR_ERR_CANCELLED", details, reason),
    );
    return true;
  }

  /** Calls `callback` with this future when it is done; at once (in a microtask) when it is done already. What it throws is dropped. */
  addDoneCallback(callback: (future: Future<T>) => void): void {
    if (this.done()) return this.#callLater(callback);
    this.#callbacks ??= new Set();
    this.#callbacks.add(callback);
  }

  /** Takes a callback back. @returns whether it was still waiting to be called */
  removeDoneCallback(callback: (future: Future<T>) => void): boolean {
    return this.#callbacks?.delete(callback) ?? false;
  }

  /** Iterates over the outcome: an async generator on the other side needs no `await` before `for await`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<
    T extends AsyncIterable<infer Item> ? Item : never,
    void,
    undefined
  > {
    const stream = (await this) as AsyncIterable<T extends AsyncIterable<infer Item> ? Item : never>;
    if (typeof (stream as Partial<typeof stream> | null)?.[Symbol.asyncIterator] !== "function") {
      throw new TypeError("the result is not iterable: only an async generator gives a stream");
    }
    yield* stream;
  }

  [fulfil](value: T): void {
    if (this.#state !== "pending") return;
    this.#state = "fulfilled";
    this.#resolve(value);
    this.#tell();
  }

  [fail](error: unknown): void {
    if (this.#state !== "pending") return;
    this.#state = ConnectorError.is(error) && error.code === "CNR_ERR_CANCELLED" ? "cancelled" : "rejected";
    this.catch(ignore);
    this.#reject(error);
    this.#tell();
  }

  /**
   * Fails with what `explain` makes of the stack of whoever awaits this future. The engine finds that stack by itself,
   * from promise to promise, so that calls that succeed pay nothing for it.
   */
  [failAt](explain: (waitingStack: string) => unknown): void {
    if (this.#state !== "pending") return;
    this.#state = "rejected";
    // Chained with the bare functions of this promise: that chain is what the engine follows.
    void this.#explained(explain).then(this.#resolve as never, this.#reject);
  }

  async #explained(explain: (waitingStack: string) => unknown): Promise<never> {
    await Promise.resolve();
    const trace: { stack?: string } = {};
    Error.captureStackTrace?.(trace);
    const error = explain(trace.stack ?? "");
    // Only now: a second reaction would end the chain.
    this.catch(ignore);
    this.#tell();
    throw error;
  }

  /** Never inside the code that settles; and what it throws must not end the process, which nobody could prevent. */
  #callLater(callback: (future: Future<T>) => void): void {
    queueMicrotask(() => callSafely(callback, [this], ignore));
  }

  #tell(): void {
    const callbacks = this.#callbacks;
    if (!callbacks) return;
    this.#callbacks = undefined;
    for (const callback of callbacks) this.#callLater(callback);
  }
}

// `await` takes the fast path only for promises whose constructor is Promise itself.
void Object.defineProperty(Future.prototype, "constructor", {
  value: Promise,
  writable: true,
  configurable: true,
});
