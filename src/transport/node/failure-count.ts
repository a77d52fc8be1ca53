const WINDOW_MS = 10_000;
/** More sources than this are forgotten, the oldest first: they must not cost memory without end. */
const MAX_SOURCES = 4096;

interface Failures {
  count: number;
  readonly since: number;
}

/** How often each source of links has failed of late. */
export class FailureCount {
  readonly #max: number;
  readonly #now: () => number;
  /** In order of their first failure. */
  readonly #sources = new Map<string, Failures>();

  /** @param max - failures within ten seconds that are one too many */
  constructor(max: number, now: () => number = () => performance.now()) {
    this.#max = max;
    this.#now = now;
  }

  get size(): number {
    return this.#sources.size;
  }

  add(source: string): void {
    const failures = this.#current(source);
    if (failures) {
      failures.count++;
      return;
    }
    if (this.#sources.size >= MAX_SOURCES) {
      const [oldest = ""] = this.#sources.keys();
      this.#sources.delete(oldest);
    }
    this.#sources.set(source, { count: 1, since: this.#now() });
  }

  /** From the last failure that is allowed until its window has passed. */
  isOver(source: string): boolean {
    return (this.#current(source)?.count ?? 0) >= this.#max;
  }

  #current(source: string): Failures | undefined {
    const failures = this.#sources.get(source);
    if (!failures || this.#now() - failures.since < WINDOW_MS) return failures;
    this.#sources.delete(source);
    return undefined;
  }
}
