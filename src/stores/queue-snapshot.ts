import { type ByteReader, corrupt } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { isDueBefore, isTakenBefore, type QueueItem } from "./queue-item.ts";
import type { ConsumerState, QueueState } from "./queue-state.ts";
import type { QueueTable } from "./queue-table.ts";

/** The queues' part of a snapshot: every list in the one order that gives the same state again. */
export function writeQueues(out: ByteWriter, table: QueueTable): void {
  out.count(table.lastSeq);
  out.count(table.leases.lastToken);
  const ids = [...table.ids.entries()];
  out.count(ids.length);
  for (const [key, endMs] of ids) {
    out.text(key);
    out.count(endMs);
  }
  out.count(table.queues.size);
  for (const queue of table.queues.values()) writeQueue(out, queue);
  const delayed = table.due.inOrder().filter((item) => item.token === 0);
  out.count(delayed.length);
  for (const item of delayed) {
    out.text(item.queue);
    out.count(item.dueMs);
    writeItem(out, item);
  }
  const leased = [...table.leases];
  out.count(leased.length);
  for (const item of leased) {
    out.text(item.queue);
    out.count(item.dueMs);
    out.count(item.token);
    out.text(item.owner);
    writeItem(out, item);
  }
}

/** Fills an empty table. What no machine can have written is refused, so that a damaged snapshot cannot break one later. */
export function readQueues(input: ByteReader, table: QueueTable): void {
  table.lastSeq = input.count();
  table.leases.lastToken = input.count();
  readIds(input, table);
  const seqs = new Set<number>();
  const itemOf = (place: ItemPlace): QueueItem => {
    const item = readItem(input, place);
    if (item.seq < 1 || item.seq > table.lastSeq || seqs.has(item.seq))
      throw corrupt("an item's number is wrong");
    seqs.add(item.seq);
    return item;
  };
  for (let left = input.size(); left > 0; left--) readQueue(input, table, itemOf);
  readDelayed(input, table, itemOf);
  readLeased(input, table, itemOf);
}

type ItemPlace = Pick<QueueItem, "queue" | "dueMs" | "token" | "owner">;
type ReadItem = (place: ItemPlace) => QueueItem;

function writeItem(out: ByteWriter, item: QueueItem): void {
  out.count(item.seq);
  out.integer(item.priority);
  out.count(item.attempt);
  out.bytes(item.body);
}

function readItem(input: ByteReader, place: ItemPlace): QueueItem {
  const seq = input.count();
  const priority = input.integer();
  const attempt = input.count();
  const body = input.bytes();
  return { ...place, seq, priority, attempt, body, slot: -1 };
}

function readIds(input: ByteReader, table: QueueTable): void {
  let before = 0;
  const keys = new Set<string>();
  for (let left = input.size(); left > 0; left--) {
    const key = input.text();
    const endMs = input.count();
    if (endMs < before || keys.has(key)) throw corrupt("the remembered ids are not in order");
    keys.add(key);
    before = endMs;
    table.ids.restore(key, endMs);
  }
}

function writeQueue(out: ByteWriter, queue: QueueState): void {
  out.text(queue.name);
  out.flag(queue.closed);
  out.count(queue.consumers.size);
  for (const { id, owner, leaseMs } of queue.consumers) {
    out.count(id);
    out.text(owner);
    out.count(leaseMs);
  }
  const line = [...queue.line];
  out.count(line.length);
  for (const { consumer, credits } of line) {
    out.count(consumer.id);
    out.count(credits);
  }
  const ready = queue.readyInOrder();
  out.count(ready.length);
  for (const item of ready) writeItem(out, item);
}

function readQueue(input: ByteReader, table: QueueTable, itemOf: ReadItem): void {
  const name = input.text();
  if (table.queues.has(name)) throw corrupt("a queue stands twice");
  const queue = table.queue(name);
  queue.closed = input.flag();
  for (let left = input.size(); left > 0; left--) {
    const id = input.count();
    if (table.consumers.get(id)) throw corrupt("a consumer stands twice");
    table.restoreConsumer({
      id,
      queue: name,
      owner: input.text(),
      leaseMs: input.count(),
      newest: undefined,
    });
  }
  let before: ConsumerState | undefined;
  for (let left = input.size(); left > 0; left--) {
    const consumer = table.consumers.get(input.count());
    const credits = input.count();
    if (!consumer || consumer.queue !== name || consumer === before || credits < 1)
      throw corrupt("a waiter is wrong");
    queue.line.add(consumer, credits);
    before = consumer;
  }
  let last: QueueItem | undefined;
  for (let left = input.size(); left > 0; left--) {
    const item = itemOf({ queue: name, dueMs: 0, token: 0, owner: "" });
    if (last && !isTakenBefore(last, item)) throw corrupt("the items of a queue are not in order");
    queue.append(item);
    last = item;
  }
}

function readDelayed(input: ByteReader, table: QueueTable, itemOf: ReadItem): void {
  let last: QueueItem | undefined;
  for (let left = input.size(); left > 0; left--) {
    const queue = knownQueue(table, input.text());
    const item = itemOf({ queue: queue.name, dueMs: input.count(), token: 0, owner: "" });
    if (item.dueMs < 1 || (last && !isDueBefore(last, item)))
      throw corrupt("the delayed items are not in order");
    table.delay(item, queue, item.dueMs);
    last = item;
  }
}

function readLeased(input: ByteReader, table: QueueTable, itemOf: ReadItem): void {
  let before = 0;
  for (let left = input.size(); left > 0; left--) {
    const queue = knownQueue(table, input.text());
    const dueMs = input.count();
    const token = input.count();
    const item = itemOf({ queue: queue.name, dueMs, token, owner: input.text() });
    if (token <= before || token > table.leases.lastToken) throw corrupt("the leases are not in order");
    before = token;
    queue.leased++;
    table.leases.restore(item);
    table.setLeaseEnd(item, dueMs);
  }
}

function knownQueue(table: QueueTable, name: string): QueueState {
  const queue = table.queues.get(name);
  if (!queue) throw corrupt("an item belongs to no queue");
  return queue;
}
