import { failure } from "../core/errors.ts";
import { RingBuffer } from "../core/ring-buffer.ts";
import { HEADER_BYTES } from "../protocol/frame.ts";
import type { ReplayBudget } from "./replay-budget.ts";

/**
 * The counted frames that the other side has not acknowledged, as they were written, for a link that takes over. It keeps
 * the written chunks themselves: nobody may write to them before they leave it.
 */
export class ResumeBuffer {
  readonly #chunks = new RingBuffer<Uint8Array>();
  readonly #budget: ReplayBudget | undefined;
  #sentFrames = 0;
  #acknowledgedFrames = 0;
  #bytes = 0;

  constructor(budget: ReplayBudget | undefined) {
    this.#budget = budget;
  }

  /** Counted frames since the session began. */
  get sentFrames(): number {
    return this.#sentFrames;
  }

  /** Bytes that wait to be acknowledged, with their headers. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param chunks - whole frames: each in one chunk, or its header in one and its payload in the next
   * @returns how many bytes they are
   */
  push(chunks: readonly Uint8Array[], frames: number): number {
    let bytes = 0;
    for (const chunk of chunks) {
      this.#chunks.push(chunk);
      bytes += chunk.length;
    }
    this.#sentFrames += frames;
    this.#bytes += bytes;
    this.#budget?.take(bytes);
    return bytes;
  }

  /** Whether the other side may say that so many frames have come. */
  isPlausible(count: number): boolean {
    return count >= this.#acknowledgedFrames && count <= this.#sentFrames;
  }

  /** The other side has so many frames. Throws `CNR_ERR_PROTOCOL` when it cannot, or has had more before. */
  acknowledge(count: number): void {
    if (!this.isPlausible(count)) {
      const known = `${this.#acknowledgedFrames} acknowledged, ${this.#sentFrames} sent`;
      throw failure("CNR_ERR_PROTOCOL", { reason: `an acknowledgement of ${count} frames (${known})` });
    }
    let bytes = 0;
    for (; this.#acknowledgedFrames < count; this.#acknowledgedFrames++) bytes += this.#dropFrame();
    this.#release(bytes);
  }

  /** What the other side has not acknowledged, in order. */
  chunks(): Uint8Array[] {
    return [...this.#chunks];
  }

  /** The session is over. */
  clear(): void {
    this.#chunks.clear();
    this.#release(this.#bytes);
  }

  #dropFrame(): number {
    const first = this.#chunks.shift() as Uint8Array;
    // A counted frame is never empty: a chunk that is only a header has its payload in the next.
    if (first.length > HEADER_BYTES) return first.length;
    return first.length + (this.#chunks.shift() as Uint8Array).length;
  }

  #release(bytes: number): void {
    this.#bytes -= bytes;
    this.#budget?.giveBack(bytes);
  }
}
