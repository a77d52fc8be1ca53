import { describe, expect, it } from "vitest";
import type { QueueItem } from "../../../src/stores/queue-item.ts";
import { type ConsumerState, QueueState } from "../../../src/stores/queue-state.ts";

const item = (seq: number, priority = 0): QueueItem => ({
  seq,
  priority,
  queue: "q",
  body: new Uint8Array(),
  attempt: 0,
  dueMs: 0,
  token: 0,
  owner: "",
  slot: -1,
});
const takeAll = (queue: QueueState): number[] => {
  const seqs: number[] = [];
  for (let taken = queue.take(); taken; taken = queue.take()) seqs.push(taken.seq);
  return seqs;
};
const consumer: ConsumerState = { id: 1, queue: "q", owner: "o", leaseMs: 0, newest: undefined };

describe("QueueState", () => {
  it("gives items by priority, then by number, wherever they come from", () => {
    const queue = new QueueState("q");
    for (const each of [item(3), item(4, 2), item(5), item(6, -1), item(7, 2)]) queue.append(each);
    for (const each of [item(2), item(1, -1), item(8)]) queue.restore(each);
    expect(queue.readyInOrder().map(({ seq }) => seq)).toEqual([4, 7, 2, 3, 5, 8, 1, 6]);
    expect(queue.ready).toBe(8);
    expect(takeAll(queue)).toEqual([4, 7, 2, 3, 5, 8, 1, 6]);
  });

  it("drops ready items of every kind", () => {
    const queue = new QueueState("q");
    queue.append(item(1));
    queue.append(item(2, 1));
    queue.leased = 1;
    expect(queue.clearReady()).toBe(2);
    expect(queue.size).toEqual({ ready: 0, leased: 1, delayed: 0 });
    expect(takeAll(queue)).toEqual([]);
  });

  it("is drained when it is closed and holds nothing anywhere", () => {
    const queue = new QueueState("q");
    expect(queue.isDrained).toBe(false);
    queue.closed = true;
    expect(queue.isDrained).toBe(true);
    for (const part of ["leased", "delayed"] as const) {
      queue[part] = 1;
      expect(queue.isDrained, part).toBe(false);
      queue[part] = 0;
    }
    queue.append(item(1));
    expect(queue.isDrained).toBe(false);
  });

  it("is forgettable when nothing at all depends on it", () => {
    const queue = new QueueState("q");
    expect(queue.isForgettable).toBe(true);
    queue.consumers.add(consumer);
    expect(queue.isForgettable).toBe(false);
    queue.consumers.delete(consumer);
    queue.closed = true;
    expect(queue.isForgettable).toBe(false);
    queue.closed = false;
    queue.delayed = 1;
    expect(queue.isForgettable).toBe(false);
  });
});
