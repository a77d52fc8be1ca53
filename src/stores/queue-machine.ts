import type { CommandOf } from "./commands.ts";
import type { Effects } from "./effects.ts";
import type { QueueState } from "./queue-state.ts";
import { QueueTable } from "./queue-table.ts";
import type { QueueSize } from "./store.ts";

const NOTHING: QueueSize = { ready: 0, leased: 0, delayed: 0 };

/** What each command does to the queues. Unknown consumers and ended leases are no errors: a command may come late. */
export class QueueMachine {
  /** For snapshots. */
  readonly table: QueueTable;

  constructor(effects: Effects) {
    this.table = new QueueTable(effects);
  }

  /** When time alone will change something next. */
  get nextDueMs(): number | undefined {
    const itemMs = this.table.due.peek()?.dueMs;
    const idsMs = this.table.ids.emptyAtMs;
    return itemMs === undefined || idsMs === undefined ? (itemMs ?? idsMs) : Math.min(itemMs, idsMs);
  }

  names(): string[] {
    return [...this.table.queues.values()].filter((queue) => !queue.isEmpty).map((queue) => queue.name);
  }

  size(name: string): QueueSize {
    return this.table.queues.get(name)?.size ?? NOTHING;
  }

  consumersOf(owner: string): number[] {
    return Array.from(this.table.consumers.of(owner), (consumer) => consumer.id);
  }

  expire(nowMs: number): void {
    this.table.expire(nowMs);
  }

  put(
    { queue, body, id, delayMs, priority }: CommandOf<"put">,
    nowMs: number,
  ): "stored" | "duplicate" | "closed" {
    const table = this.table;
    // Asked before `closed`: whoever repeats a put whose answer was lost must hear that it is stored.
    if (id !== undefined && table.ids.has(queue, id)) return "duplicate";
    if (table.queues.get(queue)?.closed) return "closed";
    if (id !== undefined) table.ids.add(queue, id, nowMs);
    table.append(queue, body, priority, delayMs > 0 ? nowMs + delayMs : 0, nowMs);
    return "stored";
  }

  consume({ consumer: id, queue, owner, leaseMs }: CommandOf<"consume">): void {
    if (this.table.consumers.get(id)) return;
    this.table.addConsumer({ id, queue, owner, leaseMs, newest: undefined });
  }

  demand(command: CommandOf<"demand">, nowMs: number): void {
    const consumer = this.table.consumers.get(command.consumer);
    if (!consumer) return;
    const queue = this.table.queueOf(consumer);
    queue.line.add(consumer, command.credits);
    this.table.serve(queue, nowMs);
  }

  withdraw(command: CommandOf<"withdraw">): number {
    const consumer = this.table.consumers.get(command.consumer);
    return consumer ? this.table.queueOf(consumer).line.withdraw(consumer, command.credits) : 0;
  }

  closeConsumer(command: CommandOf<"closeConsumer">): void {
    const consumer = this.table.consumers.get(command.consumer);
    if (consumer) this.table.removeConsumer(consumer);
  }

  ack(command: CommandOf<"ack">): boolean {
    const table = this.table;
    const item = table.leases.get(command.token);
    if (!item) return false;
    const queue = table.queueOf(item);
    table.endLease(item, queue);
    table.itemsLeft(queue);
    return true;
  }

  nack(command: CommandOf<"nack">, nowMs: number): boolean {
    const table = this.table;
    const item = table.leases.get(command.token);
    if (!item) return false;
    const queue = table.queueOf(item);
    table.endLease(item, queue);
    if (command.delayMs > 0) table.delay(item, queue, nowMs + command.delayMs);
    else {
      queue.restore(item);
      table.serve(queue, nowMs);
    }
    return true;
  }

  move(command: CommandOf<"move">, nowMs: number): "moved" | "stale" | "closed" {
    const table = this.table;
    const item = table.leases.get(command.token);
    if (!item) return "stale";
    if (table.queues.get(command.queue)?.closed) return "closed";
    const source = table.queueOf(item);
    table.endLease(item, source);
    table.append(command.queue, command.body ?? item.body, item.priority, 0, nowMs);
    table.itemsLeft(source);
    return "moved";
  }

  extend(command: CommandOf<"extend">, nowMs: number): boolean {
    const item = this.table.leases.get(command.token);
    if (!item) return false;
    this.table.setLeaseEnd(item, command.leaseMs > 0 ? nowMs + command.leaseMs : 0);
    return true;
  }

  release({ owner }: CommandOf<"release">, nowMs: number): void {
    const table = this.table;
    for (const consumer of table.consumers.of(owner)) table.removeConsumer(consumer);
    const touched = new Set<QueueState>();
    for (const item of table.leases.of(owner)) {
      const queue = table.queueOf(item);
      table.endLease(item, queue);
      queue.restore(item);
      touched.add(queue);
    }
    table.serveAll(touched, nowMs);
  }

  purge(command: CommandOf<"purge">): number {
    const table = this.table;
    const queue = table.queues.get(command.queue);
    if (!queue) return 0;
    let count = queue.clearReady();
    if (queue.delayed > 0) {
      const delayed = [...table.due].filter((item) => item.token === 0 && item.queue === queue.name);
      for (const item of delayed) table.due.remove(item);
      count += delayed.length;
      queue.delayed = 0;
    }
    if (count > 0) table.itemsLeft(queue);
    return count;
  }

  closeQueue(command: CommandOf<"closeQueue">): void {
    const queue = this.table.queue(command.queue);
    if (queue.closed) return;
    queue.closed = true;
    if (queue.isDrained) this.table.end(queue);
  }
}
