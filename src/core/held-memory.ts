import { BytePages } from "./byte-pages.ts";

/** Memory beyond what is alive that nobody minds. */
const SLACK_BYTES = 16 * 1024;
/** How many times the memory that is alive may be held. */
const MAX_RATIO = 4;

/**
 * Kept values are views on memory that they share: to give each its own would cost more than all else that is done with it.
 * But a view holds all of that memory, so this counts what is held, and says when what is alive should move together.
 */
export class HeldMemory {
  #newest: ArrayBufferLike | undefined;
  #heldBytes = 0;
  #maxBytes = SLACK_BYTES;

  /** Another value is kept. True when `move` is due: some memory is held for little that is alive. */
  hold(bytes: Uint8Array): boolean {
    const { buffer } = bytes;
    // Values come in the order of the memory they are in.
    if (buffer !== this.#newest) {
      this.#newest = buffer;
      this.#heldBytes += buffer.byteLength;
    }
    return this.#heldBytes > this.#maxBytes;
  }

  /**
   * Begins anew with what is alive.
   *
   * @returns gives each value a place in memory that holds nothing else; nothing where there is no need yet
   */
  move(alive: Iterable<Uint8Array>): ((bytes: Uint8Array) => Uint8Array) | undefined {
    let aliveBytes = 0;
    for (const bytes of alive) aliveBytes += bytes.length;
    // What the newest value came in will hold those that come after it, too.
    const newestBytes = this.#newest?.byteLength ?? 0;
    this.#maxBytes = MAX_RATIO * aliveBytes + SLACK_BYTES + newestBytes;
    if (this.#heldBytes <= this.#maxBytes) return undefined;
    this.#heldBytes = aliveBytes + newestBytes;
    const pages = new BytePages();
    return (bytes) => {
      const isAlone = bytes.length === bytes.buffer.byteLength;
      return isAlone ? bytes : pages.copy(bytes, 0, bytes.length);
    };
  }
}
