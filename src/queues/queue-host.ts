import { ConnectorError, failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { RingBuffer } from "../core/ring-buffer.ts";
import { type PutFields, QueueQuestion } from "../protocol/queue-messages.ts";
import type { Awaitable, Consumer, ConsumerSink, Store } from "../stores/store.ts";

/** Who puts, and hears what has become of each put by the number that it gave it. */
export interface PutSender {
  stored(request: number): void;
  /** There is no room, and the put did not want to wait. */
  full(request: number): void;
  refused(request: number, reason: unknown): void;
}

/** A put that waits for room. */
export interface ParkedPut {
  readonly body: Uint8Array;
  readonly fields: PutFields;
  readonly sender: PutSender;
  readonly request: number;
  /** Set by the sender when it no longer wants it. */
  isCancelled: boolean;
}

const ignore = (): void => {};

/**
 * The queues of one space, for all who use them: a store, and what a store leaves open.
 * Bodies are opaque bytes here. A full queue lets its puts wait, in order, and holds up no other queue.
 */
export class QueueHost {
  readonly limits: Readonly<Limits>;
  readonly #store: Store;
  /** Only queues that have puts waiting. */
  readonly #parked = new Map<string, RingBuffer<ParkedPut>>();
  readonly #closed = new Set<string>();
  #isAdmitting = false;

  /** @param store - opened and closed by its owner, who ends all users of this host before it closes the store */
  constructor(store: Store, limits: Readonly<Limits>) {
    this.#store = store;
    this.limits = limits;
  }

  /**
   * Puts an item. The sender hears the outcome: before this returns, unless the store takes its time or there is no room.
   *
   * @param body - kept as it is
   * @returns the put if it has to wait for room
   */
  put(
    queue: string,
    body: Uint8Array,
    fields: PutFields,
    sender: PutSender,
    request: number,
  ): ParkedPut | undefined {
    const line = this.#parked.size > 0 ? this.#parked.get(queue) : undefined;
    if (line === undefined && this.#hasRoom(queue)) this.#add(queue, body, fields, sender, request);
    else if (this.#closed.has(queue)) sender.refused(request, failure("CNR_ERR_QUEUE_CLOSED", { queue }));
    else if (fields.tries) sender.full(request);
    else {
      const parked: ParkedPut = { body, fields, sender, request, isCancelled: false };
      (line ?? this.#newLine(queue)).push(parked);
      return parked;
    }
    return undefined;
  }

  /** @param owner - whose end, told by `release`, gives back what it holds */
  consume(queue: string, owner: string, sink: ConsumerSink): Consumer {
    return this.#store.consume(queue, owner, {
      item: (delivery) => {
        sink.item(delivery);
        // An item that is handed out makes room, whatever caused it: a get, a put back, the end of a delay.
        if (this.#parked.size > 0) this.#admit(queue);
      },
      end: () => sink.end(),
    });
  }

  accept(token: number): void {
    settle(this.#store.ack(token));
  }

  giveBack(token: number): void {
    settle(this.#store.nack(token));
  }

  /** Items that can be got now or after their delay; those that are being handed over have left. */
  size(queue: string): number {
    const { ready, delayed } = this.#store.size(queue);
    return ready + delayed;
  }

  /** @returns the answer to a question that asks for a number */
  ask(question: QueueQuestion, queue: string): Awaitable<number | undefined> {
    switch (question) {
      case QueueQuestion.size:
        return this.size(queue);
      case QueueQuestion.clear:
        return this.#clear(queue);
      case QueueQuestion.close:
        return this.#close(queue);
    }
  }

  /** The owner is gone: what it was handed and has not accepted goes back to its place at once. */
  release(owner: string): void {
    try {
      settle(this.#store.release(owner));
    } catch (error) {
      // A store that was closed first holds nothing any more.
      if (!(ConnectorError.is(error) && error.code === "CNR_ERR_STORE_CLOSED")) throw error;
    }
  }

  #clear(queue: string): Awaitable<number> {
    const dropped = this.#store.purge(queue);
    const admit = (count: number): number => {
      this.#admit(queue);
      return count;
    };
    return dropped instanceof Promise ? dropped.then(admit) : admit(dropped);
  }

  /** Puts that wait for room are refused as well. */
  #close(queue: string): Awaitable<undefined> {
    this.#closed.add(queue);
    const line = this.#parked.get(queue);
    this.#parked.delete(queue);
    for (const parked of line ?? []) {
      if (!parked.isCancelled)
        parked.sender.refused(parked.request, failure("CNR_ERR_QUEUE_CLOSED", { queue }));
    }
    const closed = this.#store.closeQueue(queue);
    return closed instanceof Promise ? closed.then(() => undefined) : undefined;
  }

  #newLine(queue: string): RingBuffer<ParkedPut> {
    const line = new RingBuffer<ParkedPut>();
    this.#parked.set(queue, line);
    return line;
  }

  #hasRoom(queue: string): boolean {
    return this.size(queue) < this.limits.maxQueueItems;
  }

  #admit(queue: string): void {
    const line = this.#parked.get(queue);
    // What is admitted may be handed out at once, which leads back here.
    if (!line || this.#isAdmitting) return;
    this.#isAdmitting = true;
    try {
      while (line.size > 0 && (line.peek()?.isCancelled || this.#hasRoom(queue))) {
        const { body, fields, sender, request, isCancelled } = line.shift() as ParkedPut;
        if (!isCancelled) this.#add(queue, body, fields, sender, request);
      }
      if (line.size === 0) this.#parked.delete(queue);
    } finally {
      this.#isAdmitting = false;
    }
  }

  #add(queue: string, body: Uint8Array, fields: PutFields, sender: PutSender, request: number): void {
    let result: Awaitable<unknown>;
    try {
      result = this.#store.put(queue, body, fields);
    } catch (error) {
      sender.refused(request, error);
      return;
    }
    if (result instanceof Promise) {
      result.then(
        () => sender.stored(request),
        (error: unknown) => sender.refused(request, error),
      );
    } else sender.stored(request);
  }
}

/** A store that fails here ends its leases by itself, and has told its owner. */
function settle(result: Awaitable<unknown>): void {
  if (result instanceof Promise) result.catch(ignore);
}
