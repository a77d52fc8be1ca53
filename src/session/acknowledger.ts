import { ackFrame } from "../protocol/control-frames.ts";

/** An acknowledgement is sent at the latest when so much has come since the last. */
const MAX_FRAMES = 64;
const MAX_BYTES = 128 * 1024;
/** Whatever has come is acknowledged after about this time. */
const TICK_MS = 50;

/** All who have something to acknowledge share one timer: no link and no message has one of its own. */
const waiting = new Set<Acknowledger>();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  const due = [...waiting];
  waiting.clear();
  for (const acknowledger of due) acknowledger.tick();
  rest();
}

/** Nobody waits: the timer is not needed. */
function rest(): void {
  if (waiting.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

/** Counts the frames that come, and says when the other side is to hear of them. */
export class Acknowledger {
  readonly #onTick: () => void;
  #receivedFrames = 0;
  #acknowledgedFrames = 0;
  #bytes = 0;
  #isDue = false;
  #isWaiting = false;

  /** @param onTick - there is something to acknowledge, and it has waited long enough */
  constructor(onTick: () => void) {
    this.#onTick = onTick;
  }

  /** Counted frames since the session began. */
  get receivedFrames(): number {
    return this.#receivedFrames;
  }

  get isDue(): boolean {
    return this.#isDue;
  }

  /** A frame has begun to come. */
  countBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  /**
   * A frame has come.
   * @param bytes - those of it that are not counted yet
   * @param isUrgent - the other side waits for the acknowledgement
   */
  count(bytes: number, isUrgent: boolean): void {
    this.#receivedFrames++;
    this.#bytes += bytes;
    if (
      isUrgent ||
      this.#bytes >= MAX_BYTES ||
      this.#receivedFrames - this.#acknowledgedFrames >= MAX_FRAMES
    ) {
      this.#isDue = true;
    }
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    waiting.add(this);
    if (timer) return;
    timer = setInterval(tick, TICK_MS);
    // What nobody acknowledges in time is replayed at worst: it is no reason for a process to stay.
    (timer as { unref?: () => void }).unref?.();
  }

  /** The frame that acknowledges all that has come. */
  take(): Uint8Array {
    this.told();
    return ackFrame(this.#receivedFrames);
  }

  /** The other side has heard how much has come. */
  told(): void {
    this.#acknowledgedFrames = this.#receivedFrames;
    this.#bytes = 0;
    this.#isDue = false;
  }

  tick(): void {
    this.#isWaiting = false;
    if (this.#receivedFrames === this.#acknowledgedFrames) return;
    this.#isDue = true;
    this.#onTick();
  }

  stop(): void {
    this.told();
    waiting.delete(this);
    this.#isWaiting = false;
    rest();
  }
}
