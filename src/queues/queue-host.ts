import { failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { RingBuffer } from "../core/ring-buffer.ts";
import type { PutFields } from "../protocol/queue-messages.ts";
import type { Awaitable, Consumer, ConsumerSink, Delivery, Store } from "../stores/store.ts";

/** Who puts, and hears what has become of each put by the number that it gave it. */
export interface PutSender {
  stored(request: number): void;
  /** There is no room, and the put did not want to wait. */
  full(request: number): void;
  refused(request: number, reason: unknown): void;
}

/** A put that waits for room. */
export interface ParkedPut {
  readonly queue: string;
  readonly body: Uint8Array;
  readonly fields: PutFields;
  readonly sender: PutSender;
  readonly request: number;
  /** Set by the sender, who no longer wants it. */
  isCancelled: boolean;
}

const ignore = (): void => {};

/**
 * The queues of one space, for all who use them: a store, and what a store leaves open.
 * Bodies are opaque bytes here. A full queue lets its puts wait, in order, and no other queue is held up.
 */
export class QueueHost {
  readonly limits: Readonly<Limits>;
  readonly #store: Store;
  /** Only queues that have puts waiting. */
  readonly #parked = new Map<string, RingBuffer<ParkedPut>>();
  readonly #closed = new Set<string>();
  #isAdmitting = false;

  /** @param store - is opened and closed by its owner */
  constructor(store: Store, limits: Readonly<Limits>) {
    this.#store = store;
    this.limits = limits;
  }

  /** The sender hears the outcome by its number: at once, or later when the put is parked or the store takes its time. */
  put(queue: string, body: Uint8Array, fields: PutFields, sender: PutSender, request: number): ParkedPut | undefined {
    const line = this.#parked.size > 0 ? this.#parked.get(queue) : undefined;
    if (!line && this.#hasRoom(queue)) {
      this.#store_(queue, body, fields, sender, request);
      return undefined;
    }
    if (this.#closed.has(queue)) sender.refused(request, failure("CNR_ERR_QUEUE_CLOSED", { queue }));
    else if (fields.tries) sender.full(request);
    else {
      const parked: ParkedPut = { queue, body, fields, sender, request, isCancelled: false };
      if (line) line.push(parked);
      else {
        const first = new RingBuffer<ParkedPut>();
        first.push(parked);
        this.#parked.set(queue, first);
      }
      return parked;
    }
    return undefined;
  }
}
