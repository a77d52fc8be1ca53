import type { Command } from "../../src/stores/commands.ts";

interface ModelItem {
  readonly seq: number;
  readonly queue: string;
  readonly body: Uint8Array;
  readonly priority: number;
  attempt: number;
  dueMs: number;
  token: number;
  owner: string;
}

interface ModelConsumer {
  readonly queue: string;
  readonly owner: string;
  readonly leaseMs: number;
}

const byPlace = (a: ModelItem, b: ModelItem): number =>
  a.priority === b.priority ? a.seq - b.seq : a.priority > b.priority ? -1 : 1;

/**
 * What queues should do, as plainly as it can be said: lists that are searched and sorted afresh each time.
 * Slow, and for that reason easy to believe. `effects` has the form in which RecordedMachine keeps them.
 */
export class QueueModel {
  readonly effects: unknown[] = [];
  readonly ready: ModelItem[] = [];
  readonly delayed: ModelItem[] = [];
  readonly leased: ModelItem[] = [];
  readonly #consumers = new Map<number, ModelConsumer>();
  readonly #closed = new Set<string>();
  /** One waiter for each demand: its place in the line is its place here. */
  #line: { readonly consumer: number; credits: number }[] = [];
  #ids: { readonly queue: string; readonly id: string; readonly endMs: number }[] = [];
  #lastSeq = 0;
  #lastToken = 0;

  apply(command: Command, nowMs: number): unknown {
    this.#ids = this.#ids.filter(({ endMs }) => endMs > nowMs);
    const due = [...this.delayed, ...this.leased].filter(({ dueMs }) => dueMs > 0 && dueMs <= nowMs);
    due.sort((a, b) => a.dueMs - b.dueMs || a.seq - b.seq);
    for (const item of due) this.#giveBack(item);
    this.#serveAll(due, nowMs);
    return this.#execute(command, nowMs);
  }

  size(queue: string): unknown {
    const count = (items: ModelItem[]): number => items.filter((item) => item.queue === queue).length;
    return { ready: count(this.ready), leased: count(this.leased), delayed: count(this.delayed) };
  }

  #execute(command: Command, nowMs: number): unknown {
    switch (command.kind) {
      case "put":
        return this.#put(command, nowMs);
      case "consume":
        return this.#consume(command);
      case "demand":
        return this.#demand(command.consumer, command.credits, nowMs);
      case "withdraw":
        return this.#withdraw(command.consumer, command.credits);
      case "closeConsumer":
        return this.#removeConsumer(command.consumer);
      case "release":
        return this.#release(command.owner, nowMs);
      case "purge":
        return this.#purge(command.queue);
      case "closeQueue":
        return this.#close(command.queue);
      case "ack":
      case "nack":
      case "move":
      case "extend":
        return this.#settle(command, nowMs);
      case "tick":
      case "commit":
        return undefined;
    }
  }

  #put(command: Extract<Command, { kind: "put" }>, nowMs: number): string {
    const { queue, id, body, priority, delayMs } = command;
    if (this.#ids.some((known) => known.queue === queue && known.id === id)) return "duplicate";
    if (this.#closed.has(queue)) return "closed";
    if (id !== undefined) this.#ids.push({ queue, id, endMs: nowMs + 120_000 });
    this.#add(queue, body, priority, delayMs > 0 ? nowMs + delayMs : 0, nowMs);
    return "stored";
  }

  #add(queue: string, body: Uint8Array, priority: number, dueMs: number, nowMs: number): void {
    const item = { seq: ++this.#lastSeq, queue, body, priority, attempt: 0, dueMs, token: 0, owner: "" };
    (dueMs > 0 ? this.delayed : this.ready).push(item);
    this.#serve(queue, nowMs);
  }

  #consume({ consumer, queue, owner, leaseMs }: Extract<Command, { kind: "consume" }>): undefined {
    if (this.#consumers.has(consumer)) return;
    this.#consumers.set(consumer, { queue, owner, leaseMs });
    if (this.#isDrained(queue)) this.effects.push(["ended", consumer]);
  }

  #demand(consumer: number, credits: number, nowMs: number): undefined {
    const queue = this.#consumers.get(consumer)?.queue;
    if (queue === undefined || credits === 0) return;
    this.#line.push({ consumer, credits });
    this.#serve(queue, nowMs);
  }

  #withdraw(consumer: number, credits: number): number {
    let left = credits;
    for (const waiter of this.#line.toReversed()) {
      if (waiter.consumer !== consumer) continue;
      const taken = Math.min(left, waiter.credits);
      waiter.credits -= taken;
      left -= taken;
    }
    this.#line = this.#line.filter((waiter) => waiter.credits > 0);
    return credits - left;
  }

  #removeConsumer(consumer: number): undefined {
    this.#line = this.#line.filter((waiter) => waiter.consumer !== consumer);
    this.#consumers.delete(consumer);
  }

  #release(owner: string, nowMs: number): undefined {
    for (const [id, consumer] of [...this.#consumers]) if (consumer.owner === owner) this.#removeConsumer(id);
    const items = this.leased.filter((item) => item.owner === owner).sort((a, b) => a.token - b.token);
    for (const item of items) this.#giveBack(item);
    this.#serveAll(items, nowMs);
  }

  #purge(queue: string): number {
    const wasDrained = this.#isDrained(queue);
    const dropped = [...this.ready, ...this.delayed].filter((item) => item.queue === queue);
    for (const item of dropped) this.#takeOut(item);
    if (!wasDrained) this.#endIfDrained(queue);
    return dropped.length;
  }

  #close(queue: string): undefined {
    if (this.#closed.has(queue)) return;
    this.#closed.add(queue);
    this.#endIfDrained(queue);
  }

  #settle(command: Extract<Command, { kind: "ack" | "nack" | "move" | "extend" }>, nowMs: number): unknown {
    const item = this.leased.find(({ token }) => token === command.token);
    if (!item) return command.kind === "move" ? "stale" : false;
    if (command.kind === "extend") {
      item.dueMs = command.leaseMs > 0 ? nowMs + command.leaseMs : 0;
      return true;
    }
    if (command.kind === "nack") {
      this.#giveBack(item);
      if (command.delayMs > 0) {
        this.#takeOut(item);
        item.dueMs = nowMs + command.delayMs;
        this.delayed.push(item);
      }
      this.#serve(item.queue, nowMs);
      return true;
    }
    if (command.kind === "move" && this.#closed.has(command.queue)) return "closed";
    this.#takeOut(item);
    if (command.kind === "move") this.#add(command.queue, command.body ?? item.body, item.priority, 0, nowMs);
    this.#endIfDrained(item.queue);
    return command.kind === "move" ? "moved" : true;
  }

  #takeOut(item: ModelItem): void {
    for (const items of [this.ready, this.delayed, this.leased]) {
      if (items.includes(item)) items.splice(items.indexOf(item), 1);
    }
  }

  #giveBack(item: ModelItem): void {
    this.#takeOut(item);
    Object.assign(item, { token: 0, owner: "", dueMs: 0 });
    this.ready.push(item);
  }

  #serveAll(items: readonly ModelItem[], nowMs: number): void {
    for (const queue of new Set(items.map((item) => item.queue))) this.#serve(queue, nowMs);
  }

  #serve(queue: string, nowMs: number): void {
    for (;;) {
      const item = this.ready.filter((each) => each.queue === queue).sort(byPlace)[0];
      const waiter = this.#line.find((each) => this.#consumers.get(each.consumer)?.queue === queue);
      const consumer = waiter && this.#consumers.get(waiter.consumer);
      if (!item || !waiter || !consumer) return;
      if (--waiter.credits === 0) this.#line.splice(this.#line.indexOf(waiter), 1);
      this.#takeOut(item);
      item.attempt++;
      item.token = ++this.#lastToken;
      item.owner = consumer.owner;
      item.dueMs = consumer.leaseMs > 0 ? nowMs + consumer.leaseMs : 0;
      this.leased.push(item);
      const { token, body, attempt } = item;
      this.effects.push(["delivered", waiter.consumer, { token, queue, body, attempt }]);
    }
  }

  #isDrained(queue: string): boolean {
    const holds = [...this.ready, ...this.delayed, ...this.leased].some((item) => item.queue === queue);
    return this.#closed.has(queue) && !holds;
  }

  #endIfDrained(queue: string): void {
    if (!this.#isDrained(queue)) return;
    for (const [id, consumer] of this.#consumers)
      if (consumer.queue === queue) this.effects.push(["ended", id]);
  }
}
