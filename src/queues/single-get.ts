import { failure } from "../core/errors.ts";
import { Waiter, type WaitOptions } from "../core/waiting.ts";
import { handOver } from "./hand-over.ts";
import type { OpenPlace, QueueGetter, QueueHandle, Settler } from "./queue-binding.ts";
import { deniedGet, lostGet } from "./queue-errors.ts";

/**
 * A get that can be given up. It has a place of its own in the line, because taking its credit back must move nobody else;
 * the place serves one get after another.
 */
export class SingleGet<T> implements QueueGetter {
  readonly handle: QueueHandle;
  readonly #queue: string;
  readonly #onEnd: () => void;
  readonly #onIdle: (get: SingleGet<T>) => void;
  #waiter: Settler<T> | undefined;
  #otherwise: (() => void) | undefined;

  /**
   * @param onEnd - hears that the queue is closed and drained
   * @param onIdle - hears that the place is free for another get
   */
  constructor(queue: string, open: OpenPlace, onEnd: () => void, onIdle: (get: SingleGet<T>) => void) {
    this.#queue = queue;
    this.#onEnd = onEnd;
    this.#onIdle = onIdle;
    this.handle = open(this);
  }

  /** Waits until an item comes or the wait is given up. */
  wait(what: string, options: WaitOptions): Promise<T> {
    const waiter = new Waiter<T>(what, options, () => {
      this.#waiter = undefined;
      // An item that is on its way comes nevertheless, and goes back.
      this.handle.withdraw();
    });
    this.#begin(waiter, undefined);
    return waiter.promise;
  }

  /**
   * Takes an item only if there is one for it now.
   * @param otherwise - settles the wait when there is none
   */
  attempt<R>(
    what: string,
    signal: AbortSignal | undefined,
    otherwise: (waiter: Waiter<T | R>) => void,
  ): Promise<T | R> {
    const waiter = new Waiter<T | R>(what, { signal }, () => {
      this.#waiter = undefined;
    });
    if (this.#begin(waiter, () => otherwise(waiter))) this.handle.withdraw();
    return waiter.promise;
  }

  item(id: number, body: Uint8Array): void {
    const waiter = this.#waiter;
    this.#idle();
    if (waiter) handOver(this.handle, id, body, waiter);
    else this.handle.giveBack(id);
  }

  nothing(): void {
    const waiter = this.#waiter;
    const otherwise = this.#otherwise;
    this.#idle();
    if (waiter) otherwise?.();
  }

  end(): void {
    this.#onEnd();
    this.#waiter?.reject(failure("CNR_ERR_QUEUE_CLOSED", { queue: this.#queue }));
    this.#waiter = undefined;
  }

  denied(): void {
    const waiter = this.#waiter;
    this.#idle();
    waiter?.reject(deniedGet(this.#queue));
  }

  lost(reason: unknown): void {
    this.#waiter?.reject(lostGet(this.#queue, reason));
    this.#waiter = undefined;
  }

  #begin(waiter: Settler<T>, otherwise: (() => void) | undefined): boolean {
    this.#waiter = waiter;
    this.#otherwise = otherwise;
    try {
      this.handle.demand();
      return true;
    } catch (error) {
      this.#idle();
      waiter.reject(lostGet(this.#queue, error));
      return false;
    }
  }

  #idle(): void {
    this.#waiter = undefined;
    this.#otherwise = undefined;
    this.#onIdle(this);
  }
}
