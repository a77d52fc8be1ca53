/** One item through its whole life: ready, delayed or leased. One object, because each put would otherwise make several. */
export interface QueueItem {
  /** The put order over all queues. */
  readonly seq: number;
  readonly queue: string;
  readonly body: Uint8Array;
  readonly priority: number;
  /** How often it has been delivered. */
  attempt: number;
  /** When its delay or its lease ends; 0 when it waits for no time. */
  dueMs: number;
  /** Its delivery while it is leased; 0 otherwise. */
  token: number;
  /** Who holds the lease; "" otherwise. */
  owner: string;
  /** Its position in the heap that holds it. */
  slot: number;
}

/** The order in which a queue's items are taken. */
export function isTakenBefore(a: QueueItem, b: QueueItem): boolean {
  return a.priority === b.priority ? a.seq < b.seq : a.priority > b.priority;
}

/** The order in which items become due. */
export function isDueBefore(a: QueueItem, b: QueueItem): boolean {
  return a.dueMs === b.dueMs ? a.seq < b.seq : a.dueMs < b.dueMs;
}
