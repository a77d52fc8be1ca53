import { Deferred, rejected } from "../core/deferred.ts";
import { failure } from "../core/errors.ts";
import { Waiter, type WaitOptions } from "../core/waiting.ts";
import {
  MAX_ITEM_ID_CHARACTERS,
  PLAIN_PUT,
  type PutFields,
  QueueQuestion,
} from "../protocol/queue-messages.ts";
import { delayOf, priorityOf } from "../stores/commands.ts";
import { PlainGets } from "./plain-gets.ts";
import type { OpenPlace, Outcome, QueueBinding } from "./queue-binding.ts";
import { isQueueClosed, lostGet, lostRequest } from "./queue-errors.ts";
import type { QueueSource } from "./queue-table.ts";
import { SingleGet } from "./single-get.ts";

export interface PutOptions extends WaitOptions {
  /** A put with an id that the same queue has seen in the last 120 s is not stored again: so a put can be repeated safely. */
  readonly id?: string | undefined;
  /** Milliseconds until the item can be got. */
  readonly delayMs?: number | undefined;
  /** A whole number; items of higher ones are got first. 0 by default. */
  readonly priority?: number | undefined;
}

/** Lets the table release what a queue occupies, without a method that users see. */
export const release: unique symbol = Symbol("release");

/**
 * A queue of items, shared by all who use its name in the same space. Each item goes to one getter, in the order of the puts;
 * getters are served in the order of asking, wherever they are.
 *
 * @example
 * await client.queues.tasks.put({ id: 1 });
 * for await (const task of server.clients[0].queues.tasks) console.log(task);
 */
export class Queue<T = unknown> implements AsyncIterable<T> {
  readonly name: string;
  readonly #source: QueueSource;
  readonly #putText: string;
  readonly #getText: string;
  #binding: QueueBinding | undefined;
  #plain: PlainGets<T> | undefined;
  #idle: SingleGet<T>[] = [];
  #isEnded = false;
  readonly #open: OpenPlace = (getter) =>
    (this.#binding as QueueBinding).open(this.name, getter, this.#source.functions);
  readonly #onEnd = (): void => {
    this.#isEnded = true;
  };
  readonly #onIdle = (get: SingleGet<T>): void => {
    this.#idle.push(get);
  };

  /** Queues are made by `queues.name`. */
  constructor(name: string, source: QueueSource) {
    this.name = name;
    this.#source = source;
    this.#putText = `put into queue "${name}"`;
    this.#getText = `get from queue "${name}"`;
  }

  /**
   * Puts an item; waits while the queue is full. Resolves when the server has it.
   *
   * After a time-out or an abort the item may have been stored in the last moment: repeat it with the same `id`.
   *
   * @param options - `timeoutMs: 0` tries once
   * @throws `QueueError` `CNR_ERR_QUEUE_CLOSED`; `TimeoutError`; `CodecError` for a value that cannot travel; `LimitError`
   *   for one that is too large; `ConnectionError`, whose `executed` says whether the item may be stored
   */
  put(value: T, options?: PutOptions): Promise<void> {
    if (!options) return this.#putPlainly(value);
    const { timeoutMs } = options;
    if (!isOver(timeoutMs)) return this.#put<void>(value, options, false, (waiter) => waiter.resolve());
    return this.#put<void>(value, options, true, (waiter, isStored) => {
      if (isStored) waiter.resolve();
      else waiter.reject(failure("CNR_ERR_TIMEOUT", { what: this.#putText, timeoutMs }));
    });
  }

  /** Puts an item if there is room for it. Resolves to whether there was; errors are those of `put`. */
  tryPut(value: T, options: PutOptions = {}): Promise<boolean> {
    return this.#put<boolean>(value, options, true, (waiter, isStored) => waiter.resolve(isStored));
  }

  /**
   * Waits for an item and takes it. An item is gone only when it has reached a get that still waits: one that times out,
   * aborts or dies with its process swallows nothing.
   *
   * @param options - `timeoutMs: 0` tries once
   * @throws `QueueError` `CNR_ERR_QUEUE_CLOSED` when the queue is closed and drained, or the server has closed; `TimeoutError`;
   *   `CodecError` for an item that cannot be read; `ConnectionError`
   */
  get(options?: WaitOptions): Promise<T> {
    const { signal, timeoutMs } = options ?? {};
    if (signal?.aborted) return rejected(signal.reason);
    try {
      const plain = this.#placeToGet();
      if (!signal && (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY)) return plain.get();
      if (!isOver(timeoutMs)) return this.#single().wait(this.#getText, { signal, timeoutMs });
      return this.#single().attempt(this.#getText, signal, (waiter) => {
        waiter.reject(failure("CNR_ERR_TIMEOUT", { what: this.#getText, timeoutMs }));
      });
    } catch (error) {
      return rejected(lostGet(this.name, error));
    }
  }

  /** Takes an item if there is one that no older get waits for, else resolves to `undefined`; errors are those of `get`. */
  tryGet(options?: WaitOptions): Promise<T | undefined> {
    const signal = options?.signal;
    if (signal?.aborted) return rejected(signal.reason);
    try {
      this.#placeToGet();
      return this.#single().attempt<undefined>(this.#getText, signal, (waiter) => waiter.resolve(undefined));
    } catch (error) {
      return rejected(lostGet(this.name, error));
    }
  }

  /** How many items wait, those with a delay included. */
  size(options?: WaitOptions): Promise<number> {
    return this.#ask(QueueQuestion.size, `the size of queue "${this.name}"`, options);
  }

  /** Drops all items that wait. Resolves to how many there were. */
  clear(options?: WaitOptions): Promise<number> {
    return this.#ask(QueueQuestion.clear, `clearing queue "${this.name}"`, options);
  }

  /**
   * Closes the queue for everyone: puts reject at once; gets take what is left, then reject with `CNR_ERR_QUEUE_CLOSED`,
   * and loops end.
   */
  close(options?: WaitOptions): Promise<void> {
    return this.#ask<undefined>(QueueQuestion.close, `closing queue "${this.name}"`, options);
  }

  /** Gets item after item; ends when the queue is closed and drained, or the server closes. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let item: T;
      try {
        item = await this.get();
      } catch (error) {
        if (isQueueClosed(error)) return;
        throw error;
      }
      yield item;
    }
  }

  [release](): void {
    if (this.#plain?.isIdle) {
      this.#plain.handle.close();
      this.#plain = undefined;
    }
    for (const single of this.#idle) single.handle.close();
    this.#idle = [];
  }

  #putPlainly(value: T): Promise<void> {
    const deferred = new Deferred<Outcome>();
    try {
      this.#place(notSent).handle.put(value, PLAIN_PUT, deferred);
    } catch (error) {
      return rejected(notSent(error));
    }
    return deferred.promise as Promise<undefined>;
  }

  #put<R>(
    value: T,
    options: PutOptions,
    tries: boolean,
    answer: (waiter: Waiter<R>, isStored: boolean) => void,
  ): Promise<R> {
    const { signal, timeoutMs } = options;
    if (signal?.aborted) return rejected(signal.reason);
    try {
      const fields = fieldsOf(options, tries);
      const { handle } = this.#place(notSent);
      let request = 0;
      const wait: WaitOptions = isOver(timeoutMs) ? { signal } : { signal, timeoutMs };
      const waiter = new Waiter<R>(this.#putText, wait, () => handle.cancelPut(request));
      request = handle.put(value, fields, {
        resolve: (outcome) => answer(waiter, outcome !== 0),
        reject: (reason) => waiter.reject(reason),
      });
      return waiter.promise;
    } catch (error) {
      return rejected(notSent(error));
    }
  }

  #ask<R extends Outcome>(
    question: QueueQuestion,
    what: string,
    options: WaitOptions | undefined,
  ): Promise<R> {
    const waiter = new Waiter<Outcome>(what, options);
    try {
      if (!waiter.settled) this.#place(notSent).handle.ask(question, waiter);
    } catch (error) {
      waiter.reject(notSent(error));
    }
    return waiter.promise as Promise<R>;
  }

  #placeToGet(): PlainGets<T> {
    const place = this.#place((reason) => lostGet(this.name, reason));
    if (this.#isEnded) throw failure("CNR_ERR_QUEUE_CLOSED", { queue: this.name });
    return place;
  }

  /** The queue's own place on what the table stands on now. */
  #place(refusal: (reason: unknown) => unknown): PlainGets<T> {
    const { binding, over } = this.#source;
    if (binding !== this.#binding) {
      this.#binding = binding;
      this.#plain = undefined;
      this.#idle = [];
      this.#isEnded = false;
    }
    if (!binding) throw refusal(over ?? failure("CNR_ERR_NOT_CONNECTED"));
    this.#plain ??= new PlainGets<T>(this.name, this.#open, this.#onEnd);
    return this.#plain;
  }

  #single(): SingleGet<T> {
    return this.#idle.pop() ?? new SingleGet<T>(this.name, this.#open, this.#onEnd, this.#onIdle);
  }
}

function isOver(timeoutMs: number | undefined): boolean {
  return timeoutMs !== undefined && timeoutMs <= 0;
}

function notSent(reason: unknown): unknown {
  return lostRequest(reason, "no");
}

function fieldsOf({ id, delayMs, priority }: PutOptions, tries: boolean): PutFields {
  if (id !== undefined && id.length > MAX_ITEM_ID_CHARACTERS) {
    throw new RangeError(
      `an item's id has at most ${MAX_ITEM_ID_CHARACTERS} characters, this one ${id.length}`,
    );
  }
  return { id, delayMs: delayOf(delayMs), priority: priorityOf(priority), tries };
}
