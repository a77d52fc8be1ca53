const FIRST_PAGE_BYTES = 512;
const MAX_PAGE_BYTES = 16 * 1024;
/** Below this a loop beats a call. */
const SHORT = 48;

const NO_PAGE = new Uint8Array(0);

/** Copies that stand side by side in shared memory: to give each its own costs ten times as much. */
export class BytePages {
  // One for all that keep nothing yet: an empty array is larger than this object.
  #page = NO_PAGE;
  #buffer: ArrayBufferLike = NO_PAGE.buffer;
  #used = 0;

  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    if (length > MAX_PAGE_BYTES / 4) return bytes.slice(start, end);
    if (this.#used + length > this.#page.length) this.#turn(length);
    const at = this.#used;
    this.#used = at + length;
    if (length > SHORT) this.#page.set(bytes.subarray(start, end), at);
    else for (let n = 0; n < length; n++) this.#page[at + n] = bytes[start + n] as number;
    return new Uint8Array(this.#buffer, at, length);
  }

  /** Few values are kept in little memory, many in large pages. */
  #turn(length: number): void {
    const size = Math.min(MAX_PAGE_BYTES, Math.max(FIRST_PAGE_BYTES, this.#page.length * 2));
    this.#page = new Uint8Array(Math.max(size, length));
    this.#buffer = this.#page.buffer;
    this.#used = 0;
  }
}
