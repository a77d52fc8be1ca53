/** What several sessions may keep for replay together; a client has one session, and none of these. */
export class ReplayBudget {
  readonly #max: number;
  readonly #onFull: () => void;
  readonly #waiting = new Set<() => void>();
  #bytes = 0;

  /** @param onFull - called each time that more is taken than there is */
  constructor(max: number, onFull: () => void) {
    this.#max = max;
    this.#onFull = onFull;
  }

  get isFull(): boolean {
    return this.#bytes > this.#max;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
    if (this.isFull) this.#onFull();
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    if (this.isFull || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of waiting) listener();
  }

  /** Calls `listener` once when there is room again. */
  whenRoom(listener: () => void): void {
    this.#waiting.add(listener);
  }
}
