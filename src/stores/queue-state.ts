import { RingBuffer } from "../core/ring-buffer.ts";
import { IndexedHeap } from "./indexed-heap.ts";
import { isTakenBefore, type QueueItem } from "./queue-item.ts";
import type { QueueSize } from "./store.ts";
import { WaiterLine, type Waiting } from "./waiter-line.ts";

export interface ConsumerState extends Waiting<ConsumerState> {
  readonly id: number;
  readonly queue: string;
  readonly owner: string;
  /** 0: its leases have no end. */
  readonly leaseMs: number;
}

/** One queue: its ready items in order, the line of those who wait, and how many items are elsewhere. */
export class QueueState {
  readonly name: string;
  readonly line: WaiterLine<ConsumerState> = new WaiterLine();
  readonly consumers: Set<ConsumerState> = new Set();
  closed = false;
  leased = 0;
  delayed = 0;
  /** Items of priority 0 in put order: the usual case, at a constant price. */
  readonly #fresh = new RingBuffer<QueueItem>();
  /** All others: with a priority, given back, or ready after a delay. */
  readonly #placed = new IndexedHeap<QueueItem>(isTakenBefore);

  constructor(name: string) {
    this.name = name;
  }

  get ready(): number {
    return this.#fresh.size + this.#placed.size;
  }

  get size(): QueueSize {
    return { ready: this.ready, leased: this.leased, delayed: this.delayed };
  }

  /** No item is here, and none will come back. */
  get isEmpty(): boolean {
    return this.leased === 0 && this.delayed === 0 && this.ready === 0;
  }

  /** No item will ever come any more. */
  get isDrained(): boolean {
    return this.closed && this.isEmpty;
  }

  /** Nothing would be lost if the queue were forgotten. */
  get isForgettable(): boolean {
    return !this.closed && this.consumers.size === 0 && this.isEmpty;
  }

  /** Adds an item that is newer than all items of this queue. */
  append(item: QueueItem): void {
    if (item.priority === 0) this.#fresh.push(item);
    else this.#placed.push(item);
  }

  /** Gives an item back to its place. */
  restore(item: QueueItem): void {
    this.#placed.push(item);
  }

  take(): QueueItem | undefined {
    const placed = this.#placed.peek();
    if (!placed) return this.#fresh.shift();
    const fresh = this.#fresh.peek();
    return fresh && isTakenBefore(fresh, placed) ? this.#fresh.shift() : this.#placed.pop();
  }

  clearReady(): number {
    const count = this.ready;
    this.#fresh.clear();
    this.#placed.clear();
    return count;
  }

  readyInOrder(): QueueItem[] {
    return [...this.#fresh, ...this.#placed].sort((a, b) => (isTakenBefore(a, b) ? -1 : 1));
  }
}
