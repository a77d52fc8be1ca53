import { ConnectorError, failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { type PutFields, QueueQuestion } from "../protocol/queue-messages.ts";
import type { Awaitable, Consumer, ConsumerSink, Store } from "../stores/store.ts";
import { type ParkedPut, PutLine, type PutSender } from "./put-line.ts";

const ignore = (): void => {};

/**
 * The queues of one space, for all who use them: a store, and what a store leaves open.
 * Bodies are opaque bytes here. A full queue lets its puts wait, in order, and holds up no other queue.
 */
export class QueueHost {
  readonly limits: Readonly<Limits>;
  readonly #store: Store;
  /** Only queues that have puts waiting. */
  readonly #parked = new Map<string, PutLine>();
  readonly #closed = new Set<string>();
  /** Puts that the store has taken and not yet carried out: its size does not count them. */
  readonly #onTheWay = new Map<string, number>();

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
      const parked: ParkedPut = { queue, body, fields, sender, request, isCancelled: false };
      (line ?? this.#newLine(queue)).push(parked);
      return parked;
    }
    return undefined;
  }

  /** Drops a put that waits for room: its sender no longer wants it, and hears nothing more. */
  cancel(parked: ParkedPut): void {
    const line = this.#parked.get(parked.queue);
    line?.cancel(parked);
    if (line?.isEmpty) this.#parked.delete(parked.queue);
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
    for (let parked = line?.shift(); parked; parked = line?.shift()) {
      parked.sender.refused(parked.request, failure("CNR_ERR_QUEUE_CLOSED", { queue }));
    }
    const closed = this.#store.closeQueue(queue);
    return closed instanceof Promise ? closed.then(() => undefined) : undefined;
  }

  #newLine(queue: string): PutLine {
    const line = new PutLine();
    this.#parked.set(queue, line);
    return line;
  }

  #hasRoom(queue: string): boolean {
    const onTheWay = this.#onTheWay.size > 0 ? (this.#onTheWay.get(queue) ?? 0) : 0;
    return this.size(queue) + onTheWay < this.limits.maxQueueItems;
  }

  #admit(queue: string): void {
    const line = this.#parked.get(queue);
    // What is admitted may be handed out at once, which leads back here.
    if (!line || line.isAdmitting) return;
    line.isAdmitting = true;
    while (!line.isEmpty && this.#hasRoom(queue)) {
      const { body, fields, sender, request } = line.shift() as ParkedPut;
      this.#add(queue, body, fields, sender, request);
    }
    line.isAdmitting = false;
    if (line.isEmpty) this.#parked.delete(queue);
  }

  #add(queue: string, body: Uint8Array, fields: PutFields, sender: PutSender, request: number): void {
    let result: Awaitable<unknown>;
    try {
      result = this.#store.put(queue, body, fields);
    } catch (error) {
      sender.refused(request, error);
      return;
    }
    if (result instanceof Promise) void this.#addLater(result, queue, sender, request);
    else sender.stored(request);
  }

  async #addLater(
    result: Promise<unknown>,
    queue: string,
    sender: PutSender,
    request: number,
  ): Promise<void> {
    this.#onTheWay.set(queue, (this.#onTheWay.get(queue) ?? 0) + 1);
    const failed = await result.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const left = (this.#onTheWay.get(queue) ?? 1) - 1;
    if (left === 0) this.#onTheWay.delete(queue);
    else this.#onTheWay.set(queue, left);
    if (failed) sender.refused(request, failed.error);
    else sender.stored(request);
    // One that failed, or that was a repetition, leaves its room to the next.
    this.#admit(queue);
  }
}

/** A store that fails here ends its leases by itself, and has told its owner. */
function settle(result: Awaitable<unknown>): void {
  if (result instanceof Promise) result.catch(ignore);
}
