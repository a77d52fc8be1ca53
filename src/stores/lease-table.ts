import type { QueueItem } from "./queue-item.ts";

/** All leased items, by token and by owner. Tokens only grow, so both are in the order of the deliveries. */
export class LeaseTable {
  readonly #byToken = new Map<number, QueueItem>();
  readonly #byOwner = new Map<string, Set<QueueItem>>();
  lastToken = 0;

  get(token: number): QueueItem | undefined {
    return this.#byToken.get(token);
  }

  add(item: QueueItem, owner: string): void {
    item.token = ++this.lastToken;
    item.owner = owner;
    this.restore(item);
  }

  /** Takes an item that is leased already; to be called in the order of the tokens. */
  restore(item: QueueItem): void {
    this.#byToken.set(item.token, item);
    const held = this.#byOwner.get(item.owner);
    if (held) held.add(item);
    else this.#byOwner.set(item.owner, new Set([item]));
  }

  remove(item: QueueItem): void {
    this.#byToken.delete(item.token);
    const held = this.#byOwner.get(item.owner);
    if (held?.delete(item) && held.size === 0) this.#byOwner.delete(item.owner);
    item.token = 0;
    item.owner = "";
  }

  of(owner: string): Iterable<QueueItem> {
    return this.#byOwner.get(owner) ?? [];
  }

  [Symbol.iterator](): IterableIterator<QueueItem> {
    return this.#byToken.values();
  }
}
