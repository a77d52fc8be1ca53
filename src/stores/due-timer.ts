/** The longest time that setTimeout takes; the task then finds nothing due, and the timer is set again. */
const LONGEST_MS = 2 ** 31 - 1;

/** At most one timer, and none while nothing is due. */
export class DueTimer {
  readonly #task: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #atMs: number | undefined;

  constructor(task: () => void) {
    this.#task = task;
  }

  /** Runs the task when `atMs` has come; `undefined` takes it back. */
  set(atMs: number | undefined, clock: () => number): void {
    if (atMs === this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = atMs;
    this.#timer = undefined;
    if (atMs === undefined) return;
    this.#timer = setTimeout(this.#run, Math.min(atMs - clock(), LONGEST_MS));
    // What is due concerns those who are connected; when nobody is, it must not keep the process.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  readonly #run = (): void => {
    this.#atMs = undefined;
    this.#task();
  };
}
