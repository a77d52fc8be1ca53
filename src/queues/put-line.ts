import { RingBuffer } from "../core/ring-buffer.ts";
import type { PutFields } from "../protocol/queue-messages.ts";

/** Who puts, and hears what has become of each put by the number that it gave it. */
export interface PutSender {
  stored(request: number): void;
  /** There is no room, and the put did not want to wait. */
  full(request: number): void;
  refused(request: number, reason: unknown): void;
}

/** A put that waits for room. */
export interface ParkedPut {
  readonly queue: string;
  readonly body: Uint8Array;
  readonly fields: PutFields;
  readonly sender: PutSender;
  readonly request: number;
  isCancelled: boolean;
}

/** Fewer than this are not worth looking for. */
const MANY_CANCELLED = 32;

/** The puts that wait for room in one queue, in order. Cancelled ones leave no trace, however many there were. */
export class PutLine {
  #line = new RingBuffer<ParkedPut>();
  #cancelled = 0;
  /** Whether its puts are being let in. */
  isAdmitting = false;

  get isEmpty(): boolean {
    return this.#line.size === this.#cancelled;
  }

  push(parked: ParkedPut): void {
    this.#line.push(parked);
  }

  /** The longest waiting; undefined when the line is empty. */
  shift(): ParkedPut | undefined {
    for (;;) {
      const parked = this.#line.shift();
      if (!parked?.isCancelled) return parked;
      this.#cancelled--;
    }
  }

  cancel(parked: ParkedPut): void {
    if (parked.isCancelled) return;
    parked.isCancelled = true;
    this.#cancelled++;
    if (this.#cancelled < MANY_CANCELLED || this.#cancelled * 2 < this.#line.size) return;
    const old = this.#line;
    this.#line = new RingBuffer();
    this.#cancelled = 0;
    for (const waiting of old) if (!waiting.isCancelled) this.#line.push(waiting);
  }
}
