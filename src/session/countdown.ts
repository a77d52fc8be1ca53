/** So many, where a timer takes that: enough that one more or less makes no difference. */
const MAX_TICKS = 60;
/** More is no time that a timer takes: it would end at once. */
const MAX_TICK_MS = 2 ** 31 - 1;

/**
 * A time that is counted in ticks of this process, not measured: where the process stood still or the machine slept, it
 * stood still too.
 */
export class Countdown {
  readonly #timer: ReturnType<typeof setInterval>;
  #left: number;

  constructor(timeMs: number, onOver: () => void) {
    const tickMs = Math.min(MAX_TICK_MS, Math.max(1, Math.round(timeMs / MAX_TICKS)));
    this.#left = Math.ceil(timeMs / tickMs);
    this.#timer = setInterval(() => {
      if (--this.#left > 0) return;
      this.stop();
      onOver();
    }, tickMs);
    // Whoever waits for the other side keeps the process alive, or does not; the countdown is no reason.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
