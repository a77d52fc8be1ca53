import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { isDueBefore, isTakenBefore, type QueueItem } from "./queue-item.ts";
import type { ConsumerState, QueueState } from "./queue-state.ts";
import type { QueueTable } from "./queue-table.ts";
import { readBytes, readInteger, readText, writeText } from "./stored-format.ts";

/** The queues' part of a snapshot: every list in the one order that gives the same state again. */
export function writeQueues(out: ByteWriter, table: QueueTable): void {
  out.uint(table.lastSeq);
  out.uint(table.leases.lastToken);
  const ids = [...table.ids.entries()];
  out.uint(ids.length);
  for (const [key, endMs] of ids) {
    writeText(out, key);
    out.uint(endMs);
  }
  out.uint(table.queues.size);
  for (const queue of table.queues.values()) writeQueue(out, queue);
  const delayed = table.due.inOrder().filter((item) => item.token === 0);
  out.uint(delayed.length);
  for (const item of delayed) {
    writeText(out, item.queue);
    out.uint(item.dueMs);
    writeItem(out, item);
  }
  const leased = [...table.leases];
  out.uint(leased.length);
  for (const item of leased) {
    writeText(out, item.queue);
    out.uint(item.dueMs);
    out.uint(item.token);
    writeText(out, item.owner);
    writeItem(out, item);
  }
}

/** Fills an empty table. What no machine can have written is refused, so that a damaged snapshot cannot break one later. */
export function readQueues(input: ByteReader, table: QueueTable): void {
  table.lastSeq = input.uint();
  table.leases.lastToken = input.uint();
  readIds(input, table);
  const seqs = new Set<number>();
  const itemOf = (place: ItemPlace): QueueItem => {
    const item = readItem(input, place);
    if (item.seq < 1 || item.seq > table.lastSeq || seqs.has(item.seq))
      throw malformed("an item's number is wrong");
    seqs.add(item.seq);
    return item;
  };
  for (let left = input.count(1); left > 0; left--) readQueue(input, table, itemOf);
  readDelayed(input, table, itemOf);
  readLeased(input, table, itemOf);
}

type ItemPlace = Pick<QueueItem, "queue" | "dueMs" | "token" | "owner">;
type ReadItem = (place: ItemPlace) => QueueItem;

function writeItem(out: ByteWriter, item: QueueItem): void {
  out.uint(item.seq);
  out.number(item.priority);
  out.uint(item.attempt);
  out.binary(item.body);
}

function readItem(input: ByteReader, place: ItemPlace): QueueItem {
  const seq = input.uint();
  const priority = readInteger(input);
  const attempt = input.uint();
  const body = readBytes(input);
  return { ...place, seq, priority, attempt, body, slot: -1 };
}

function readIds(input: ByteReader, table: QueueTable): void {
  let before = 0;
  const keys = new Set<string>();
  for (let left = input.count(1); left > 0; left--) {
    const key = readText(input);
    const endMs = input.uint();
    if (endMs < before || keys.has(key)) throw malformed("the remembered ids are not in order");
    keys.add(key);
    before = endMs;
    table.ids.restore(key, endMs);
  }
}

function writeQueue(out: ByteWriter, queue: QueueState): void {
  writeText(out, queue.name);
  out.boolean(queue.closed);
  out.uint(queue.consumers.size);
  for (const { id, owner, leaseMs } of queue.consumers) {
    out.uint(id);
    writeText(out, owner);
    out.uint(leaseMs);
  }
  const line = [...queue.line];
  out.uint(line.length);
  for (const { consumer, credits } of line) {
    out.uint(consumer.id);
    out.uint(credits);
  }
  const ready = queue.readyInOrder();
  out.uint(ready.length);
  for (const item of ready) writeItem(out, item);
}

function readQueue(input: ByteReader, table: QueueTable, itemOf: ReadItem): void {
  const name = readText(input);
  if (table.queues.has(name)) throw malformed("a queue stands twice");
  const queue = table.queue(name);
  queue.closed = input.boolean();
  for (let left = input.count(1); left > 0; left--) {
    const id = input.uint();
    if (table.consumers.get(id)) throw malformed("a consumer stands twice");
    table.restoreConsumer({
      id,
      queue: name,
      owner: readText(input),
      leaseMs: input.uint(),
      newest: undefined,
    });
  }
  let before: ConsumerState | undefined;
  for (let left = input.count(1); left > 0; left--) {
    const consumer = table.consumers.get(input.uint());
    const credits = input.uint();
    if (!consumer || consumer.queue !== name || consumer === before || credits < 1)
      throw malformed("a waiter is wrong");
    queue.line.add(consumer, credits);
    before = consumer;
  }
  let last: QueueItem | undefined;
  for (let left = input.count(1); left > 0; left--) {
    const item = itemOf({ queue: name, dueMs: 0, token: 0, owner: "" });
    if (last && !isTakenBefore(last, item)) throw malformed("the items of a queue are not in order");
    queue.append(item);
    last = item;
  }
}

function readDelayed(input: ByteReader, table: QueueTable, itemOf: ReadItem): void {
  let last: QueueItem | undefined;
  for (let left = input.count(1); left > 0; left--) {
    const queue = knownQueue(table, readText(input));
    const item = itemOf({ queue: queue.name, dueMs: input.uint(), token: 0, owner: "" });
    if (item.dueMs < 1 || (last && !isDueBefore(last, item)))
      throw malformed("the delayed items are not in order");
    table.delay(item, queue, item.dueMs);
    last = item;
  }
}

function readLeased(input: ByteReader, table: QueueTable, itemOf: ReadItem): void {
  let before = 0;
  for (let left = input.count(1); left > 0; left--) {
    const queue = knownQueue(table, readText(input));
    const dueMs = input.uint();
    const token = input.uint();
    const item = itemOf({ queue: queue.name, dueMs, token, owner: readText(input) });
    if (token <= before || token > table.leases.lastToken) throw malformed("the leases are not in order");
    before = token;
    queue.leased++;
    table.leases.restore(item);
    table.setLeaseEnd(item, dueMs);
  }
}

function knownQueue(table: QueueTable, name: string): QueueState {
  const queue = table.queues.get(name);
  if (!queue) throw malformed("an item belongs to no queue");
  return queue;
}
