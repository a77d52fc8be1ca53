/** How long a put's id is remembered. */
const WINDOW_MS = 120_000;

// The length keeps ("a", "bc") apart from ("ab", "c").
const keyOf = (queue: string, id: string): string => `${queue.length}:${queue}${id}`;

/** The ids of recent puts. All are kept equally long, so the oldest is always in front. */
export class DedupeWindow {
  readonly #endOf = new Map<string, number>();
  #lastEndMs = 0;

  /** One wake-up, when the last id has ended, is enough: until then each command clears what has ended. */
  get emptyAtMs(): number | undefined {
    return this.#endOf.size > 0 ? this.#lastEndMs : undefined;
  }

  has(queue: string, id: string): boolean {
    return this.#endOf.has(keyOf(queue, id));
  }

  add(queue: string, id: string, nowMs: number): void {
    this.restore(keyOf(queue, id), nowMs + WINDOW_MS);
  }

  /** To be called in the order of the ends. */
  restore(key: string, endMs: number): void {
    this.#endOf.set(key, endMs);
    this.#lastEndMs = endMs;
  }

  expire(nowMs: number): void {
    if (this.#endOf.size === 0) return;
    for (const [key, endMs] of this.#endOf) {
      if (endMs > nowMs) return;
      this.#endOf.delete(key);
    }
  }

  entries(): IterableIterator<[key: string, endMs: number]> {
    return this.#endOf.entries();
  }
}
