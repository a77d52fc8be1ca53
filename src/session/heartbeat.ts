export interface HeartbeatOptions {
  /** A link that received nothing for so many milliseconds is asked for a sign of life. Default 5000. */
  readonly idleMs?: number;
  /** A link that received nothing for so many milliseconds is dead: `CNR_ERR_HEARTBEAT`. Default 15000. */
  readonly deadMs?: number;
}

/** Ticks between two signs of life, counted, never measured: a blocked event loop or a suspended laptop skips ticks, it does not add any. */
const TICKS_IDLE = 5;

/** What a heartbeat watches. */
export interface Pulse {
  /** Whether the other side has taken some of what waited: it lives, though it has no time to answer. */
  hasProgressed(): boolean;
  ping(): void;
  /** @param silentMs - roughly for how long nothing came */
  die(silentMs: number): void;
}

interface Beat {
  silentTicks: number;
}

/** Links of one rhythm share a timer: ten thousand idle clients cost one. */
class Rhythm {
  readonly #tickMs: number;
  readonly #deadTicks: number;
  readonly #beats = new Map<Pulse, Beat>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(tickMs: number, deadTicks: number) {
    this.#tickMs = tickMs;
    this.#deadTicks = deadTicks;
  }

  add(pulse: Pulse): Beat {
    const beat: Beat = { silentTicks: 0 };
    this.#beats.set(pulse, beat);
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#tick(), this.#tickMs);
      // The links themselves keep the process alive, as long as there are any.
      (this.#timer as { unref?: () => void }).unref?.();
    }
    return beat;
  }

  remove(pulse: Pulse): void {
    this.#beats.delete(pulse);
    if (this.#beats.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    for (const [pulse, beat] of this.#beats) {
      beat.silentTicks = pulse.hasProgressed() ? 0 : beat.silentTicks + 1;
      if (beat.silentTicks >= this.#deadTicks) pulse.die(beat.silentTicks * this.#tickMs);
      else if (beat.silentTicks % TICKS_IDLE === 0) pulse.ping();
    }
  }
}

const rhythms = new Map<string, Rhythm>();

/** Finds dead links. Any byte is a sign of life, one that was taken as well as one that came. */
export class Heartbeat {
  readonly #rhythm: Rhythm;
  readonly #pulse: Pulse;
  readonly #beat: Beat;

  constructor(pulse: Pulse, options: HeartbeatOptions = {}) {
    const idleMs = options.idleMs ?? 5000;
    const tickMs = Math.max(1, Math.round(idleMs / TICKS_IDLE));
    const deadTicks = Math.max(TICKS_IDLE + 1, Math.round((options.deadMs ?? 15_000) / tickMs));
    const key = `${tickMs}/${deadTicks}`;
    const rhythm = rhythms.get(key) ?? new Rhythm(tickMs, deadTicks);
    rhythms.set(key, rhythm);
    this.#rhythm = rhythm;
    this.#pulse = pulse;
    this.#beat = rhythm.add(pulse);
  }

  /** Something was received. */
  beat(): void {
    this.#beat.silentTicks = 0;
  }

  stop(): void {
    this.#rhythm.remove(this.#pulse);
  }
}
