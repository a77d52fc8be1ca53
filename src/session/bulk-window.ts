import { RingBuffer } from "../core/ring-buffer.ts";

const START_BYTES = 128 * 1024;
const MIN_BYTES = 32 * 1024;
/** Nothing is gained by more within one machine, whose delays are those of its processes, not of a queue. */
const MAX_LOCAL_BYTES = 256 * 1024;
const MAX_BYTES = 16 * 1024 * 1024;
const LOCAL_MS = 1;

const MIN_CHUNK_BYTES = 4 * 1024;
const MAX_CHUNK_BYTES = 64 * 1024;
const CHUNKS_PER_WINDOW = 8;
/** So many frames of a window ask for an acknowledgement at once: each measures the delay. */
const SAMPLES_PER_WINDOW = 4;

/** The queue that this side's own bytes may build on the way, as time. */
const TARGET_MS = 3;
const TARGET_SHARE = 0.25;
/** Below this share of the target there is room for more. */
const ROOM_SHARE = 0.7;
/** What is added for each window of bytes that is acknowledged. */
const STEP_BYTES = 64 * 1024;

interface SentFrame {
  readonly number: number;
  readonly bytes: number;
  /** Undefined: its acknowledgement says nothing about the delay. */
  sentAtMs: number | undefined;
}

/**
 * How many bytes of bulk data may be unacknowledged, all channels of a link together. Whatever is handed to a socket may
 * wait in megabytes of buffers of the kernel and the network, and the messages written later wait behind it; hence bulk
 * data is sent only as fast as its acknowledgements show that no queue grows.
 */
export class BulkWindow {
  readonly #now: () => number;
  readonly #maxBytes: number;
  readonly #sent = new RingBuffer<SentFrame>();
  #bytes: number;
  #outstanding = 0;
  #minRoundTripMs = Number.POSITIVE_INFINITY;
  #isStarting = true;
  #hasRoomToGrow = false;
  #lastCutMs = Number.NEGATIVE_INFINITY;
  /** The first frame is a sample: nothing of this side's own is before it. */
  #bytesSinceSample = Number.POSITIVE_INFINITY;

  /**
   * @param now - a clock that never goes back, in milliseconds
   * @param maxBytes - it is never larger than this, nor than 16 MiB
   */
  constructor(now: () => number, maxBytes: number) {
    this.#now = now;
    this.#maxBytes = Math.min(maxBytes, MAX_BYTES);
    this.#bytes = Math.min(START_BYTES, this.#maxBytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sent and not acknowledged. */
  get outstandingBytes(): number {
    return this.#outstanding;
  }

  get hasRoom(): boolean {
    return this.#outstanding < this.#bytes;
  }

  /** The longest piece to be sent at once: short enough that the window opens in steps. */
  get chunkBytes(): number {
    const share = Math.floor(this.#bytes / CHUNKS_PER_WINDOW);
    return Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, share));
  }

  /** The other side has answered a question that waited behind no bulk data. */
  timed(roundTripMs: number): void {
    this.#minRoundTripMs = Math.min(this.#minRoundTripMs, roundTripMs);
    this.#cap();
  }

  /**
   * A piece is being sent.
   *
   * @param number - of its frame, counted from 1
   * @returns whether it is to be acknowledged at once
   */
  sent(number: number, bytes: number): boolean {
    this.#outstanding += bytes;
    this.#bytesSinceSample += bytes;
    // The last of a full window too: nothing more is sent before it is acknowledged.
    const isSample = this.#bytesSinceSample >= this.#bytes / SAMPLES_PER_WINDOW || !this.hasRoom;
    if (isSample) this.#bytesSinceSample = 0;
    this.#sent.push({ number, bytes, sentAtMs: isSample ? this.#now() : undefined });
    return isSample;
  }

  /** The other side has all frames up to this number. Says whether pieces of bulk data were among them. */
  acknowledged(number: number): boolean {
    const wasFull = this.#outstanding * 2 >= this.#bytes;
    let bytes = 0;
    let sentAtMs: number | undefined;
    for (let first = this.#sent.peek(); first && first.number <= number; first = this.#sent.peek()) {
      this.#sent.shift();
      bytes += first.bytes;
      sentAtMs = first.sentAtMs ?? sentAtMs;
    }
    if (bytes === 0) return false;
    this.#outstanding -= bytes;
    if (sentAtMs !== undefined) this.#sample(this.#now() - sentAtMs);
    // A window that was not used has not been tried either.
    if (this.#hasRoomToGrow && wasFull) {
      this.#bytes += this.#isStarting ? bytes : (bytes * STEP_BYTES) / this.#bytes;
    }
    this.#cap();
    return true;
  }

  /** Another link has taken over: the way may be another, and what is sent again measures nothing. */
  restart(): void {
    for (const frame of this.#sent) frame.sentAtMs = undefined;
    this.#bytes = Math.min(START_BYTES, this.#maxBytes);
    this.#minRoundTripMs = Number.POSITIVE_INFINITY;
    this.#isStarting = true;
    this.#hasRoomToGrow = false;
    this.#lastCutMs = Number.NEGATIVE_INFINITY;
    this.#bytesSinceSample = Number.POSITIVE_INFINITY;
  }

  #sample(roundTripMs: number): void {
    this.#minRoundTripMs = Math.min(this.#minRoundTripMs, roundTripMs);
    const targetMs = TARGET_MS + this.#minRoundTripMs * TARGET_SHARE;
    const queuedMs = roundTripMs - this.#minRoundTripMs;
    this.#hasRoomToGrow = queuedMs < targetMs * ROOM_SHARE;
    if (queuedMs <= targetMs) return;
    const now = this.#now();
    // Once a round trip: what was sent before a cut is still on its way, and measures the window of before.
    if (now - this.#lastCutMs <= roundTripMs) return;
    this.#lastCutMs = now;
    this.#isStarting = false;
    const share = Math.max(0.5, 1 - (0.6 * (queuedMs - targetMs)) / roundTripMs);
    this.#bytes = Math.max(MIN_BYTES, this.#bytes * share);
  }

  #cap(): void {
    this.#bytes = Math.min(this.#bytes, this.#maxBytes);
    if (this.#minRoundTripMs < LOCAL_MS) this.#bytes = Math.min(this.#bytes, MAX_LOCAL_BYTES);
  }
}
