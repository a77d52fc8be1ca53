import { ConsumerTable } from "./consumer-table.ts";
import { DedupeWindow } from "./dedupe-window.ts";
import type { Effects } from "./effects.ts";
import { IndexedHeap } from "./indexed-heap.ts";
import { LeaseTable } from "./lease-table.ts";
import { isDueBefore, type QueueItem } from "./queue-item.ts";
import { type ConsumerState, QueueState } from "./queue-state.ts";

/**
 * All queues, and what goes across them: who consumes, who holds which lease, what is due when.
 * The order of the queues and of each one's consumers is part of the state, so snapshots keep it.
 */
export class QueueTable {
  readonly queues: Map<string, QueueState> = new Map();
  readonly consumers: ConsumerTable = new ConsumerTable();
  readonly leases: LeaseTable = new LeaseTable();
  readonly ids: DedupeWindow = new DedupeWindow();
  /** Delayed items, and leased ones whose lease has an end. */
  readonly due: IndexedHeap<QueueItem> = new IndexedHeap(isDueBefore);
  lastSeq = 0;
  readonly #effects: Effects;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  queue(name: string): QueueState {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = new QueueState(name);
      this.queues.set(name, queue);
    }
    return queue;
  }

  /** The queue of an item or a consumer: a queue that has one is never forgotten. */
  queueOf(part: { readonly queue: string }): QueueState {
    return this.queues.get(part.queue) as QueueState;
  }

  addConsumer(consumer: ConsumerState): void {
    this.restoreConsumer(consumer);
    if (this.queueOf(consumer).isDrained) this.#effects.ended(consumer.id);
  }

  /** Adds a consumer that has heard before whether its queue has ended. */
  restoreConsumer(consumer: ConsumerState): void {
    this.queue(consumer.queue).consumers.add(consumer);
    this.consumers.add(consumer);
  }

  removeConsumer(consumer: ConsumerState): void {
    const queue = this.queueOf(consumer);
    queue.line.withdraw(consumer, Number.POSITIVE_INFINITY);
    queue.consumers.delete(consumer);
    this.consumers.remove(consumer);
    this.forgetIfPossible(queue);
  }

  append(name: string, body: Uint8Array, priority: number, dueMs: number, nowMs: number): void {
    const queue = this.queue(name);
    const seq = ++this.lastSeq;
    const item = { seq, queue: name, body, priority, attempt: 0, dueMs: 0, token: 0, owner: "", slot: -1 };
    if (dueMs > 0) this.delay(item, queue, dueMs);
    else {
      queue.append(item);
      this.serve(queue, nowMs);
    }
  }

  delay(item: QueueItem, queue: QueueState, dueMs: number): void {
    item.dueMs = dueMs;
    queue.delayed++;
    this.due.push(item);
  }

  /** Leases ready items to those who wait, as long as there are both. */
  serve(queue: QueueState, nowMs: number): void {
    while (!queue.line.isEmpty) {
      const item = queue.take();
      if (!item) return;
      const { id, owner, leaseMs } = queue.line.serve() as ConsumerState;
      item.attempt++;
      queue.leased++;
      this.leases.add(item, owner);
      if (leaseMs > 0) this.setLeaseEnd(item, nowMs + leaseMs);
      const { token, body, attempt } = item;
      this.#effects.delivered(id, { token, queue: queue.name, body, attempt });
    }
  }

  /** @param dueMs - 0 for a lease without end */
  setLeaseEnd(item: QueueItem, dueMs: number): void {
    this.due.remove(item);
    item.dueMs = dueMs;
    if (dueMs > 0) this.due.push(item);
  }

  endLease(item: QueueItem, queue: QueueState): void {
    this.setLeaseEnd(item, 0);
    this.leases.remove(item);
    queue.leased--;
  }

  /** To be called when items have left a queue for good. */
  itemsLeft(queue: QueueState): void {
    if (queue.isDrained) this.end(queue);
    else this.forgetIfPossible(queue);
  }

  end(queue: QueueState): void {
    for (const consumer of queue.consumers) this.#effects.ended(consumer.id);
  }

  forgetIfPossible(queue: QueueState): void {
    if (queue.isForgettable) this.queues.delete(queue.name);
  }

  /** Gives delayed items and ended leases back to their places. */
  expire(nowMs: number): void {
    this.ids.expire(nowMs);
    let item = this.due.peek();
    if (item === undefined || item.dueMs > nowMs) return;
    const touched = new Set<QueueState>();
    for (; item !== undefined && item.dueMs <= nowMs; item = this.due.peek()) {
      const queue = this.queueOf(item);
      if (item.token > 0) this.endLease(item, queue);
      else {
        this.due.remove(item);
        item.dueMs = 0;
        queue.delayed--;
      }
      queue.restore(item);
      touched.add(queue);
    }
    this.serveAll(touched, nowMs);
  }

  /** Apart from giving back: when many items come back, those who wait shall get them in the order of their places. */
  serveAll(queues: ReadonlySet<QueueState>, nowMs: number): void {
    for (const queue of queues) this.serve(queue, nowMs);
  }
}
