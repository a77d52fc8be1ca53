import type { FunctionCodec } from "../codec/function-codec.ts";
import type { PutFields, QueueQuestion } from "../protocol/queue-messages.ts";

/** What a request is answered with: a number where one was asked for, 0 for a put that found no room. */
export type Outcome = number | undefined;

/** Who waits for one answer: a `Deferred`, a `Waiter`. */
export interface Settler<T> {
  resolve(value: T): unknown;
  reject(reason: unknown): unknown;
}

/** Who stands at one place in the line of a queue. */
export interface QueueGetter {
  /**
   * An item has come: it is to be accepted or given back by its id.
   * @param body - valid until this returns
   */
  item(id: number, body: Uint8Array): void;
  /** The credit that was withdrawn was unused: no item will come for it. */
  nothing(): void;
  /** The queue is closed and drained. */
  end(): void;
  /** Nothing will come for the credits so far: this user has no grant for the queue. */
  denied(): void;
  /** The binding is over. */
  lost(reason: unknown): void;
}

/**
 * A numbered place in the line of a queue. Credits of one place are served in order of asking, among those of all
 * others; so a get that can be given up has a place of its own, and others are not moved when it goes.
 */
export interface QueueHandle {
  /**
   * Throws when the value cannot travel; all else is told to the settler.
   * @returns the number by which the put can be cancelled
   */
  put(value: unknown, fields: PutFields, settler: Settler<Outcome>): number;
  /** The sender has given up: the put is dropped if it still waits for room. */
  cancelPut(request: number): void;
  ask(question: QueueQuestion, settler: Settler<Outcome>): void;
  /** Adds one credit. */
  demand(): void;
  /** Takes back a place's only credit; either an item or `nothing` follows. */
  withdraw(): void;
  accept(id: number): void;
  giveBack(id: number): void;
  decode(body: Uint8Array): unknown;
  close(): void;
}

/** Takes a place in the line of one queue. */
export type OpenPlace = (getter: QueueGetter) => QueueHandle;

/** One space of queues as one user sees it: over a session, or in the process that hosts them. */
export interface QueueBinding {
  /** @param functions - how functions inside values travel; undefined: they are refused */
  open(name: string, getter: QueueGetter, functions: FunctionCodec | undefined): QueueHandle;
  /** It is over: every getter is told, every request fails. Repeatable. */
  end(reason: unknown): void;
}
