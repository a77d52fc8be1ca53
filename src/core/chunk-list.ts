/** A chunk shorter than this joins the one before it: as an object of its own it would cost many times its bytes. */
const SMALL_BYTES = 1024;
const MAX_JOINED_BYTES = 4096;

/** Received bytes in the pieces in which they came, until enough of them are there to be used. */
export class ChunkList {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    const last = this.#chunks.at(-1);
    if (last && chunk.length < SMALL_BYTES && last.length < MAX_JOINED_BYTES) {
      this.#chunks[this.#chunks.length - 1] = join([last, chunk], last.length + chunk.length);
    } else this.#chunks.push(chunk);
  }

  /** The first `length` bytes, of which there are so many: as they came where they are one chunk, else joined, once. */
  take(length: number): Uint8Array {
    this.#bytes -= length;
    let missing = length;
    let whole = 0;
    for (; missing > 0; whole++) {
      const chunk = this.#chunks[whole] as Uint8Array;
      if (chunk.length > missing) break;
      missing -= chunk.length;
    }
    const taken = this.#chunks.splice(0, whole);
    if (missing > 0) {
      const split = this.#chunks[0] as Uint8Array;
      taken.push(split.subarray(0, missing));
      this.#chunks[0] = split.subarray(missing);
    }
    return taken.length === 1 ? (taken[0] as Uint8Array) : join(taken, length);
  }

  /** Forgets the last `length` bytes, of which there are so many. */
  drop(length: number): void {
    this.#bytes -= length;
    let left = length;
    while (left > 0) {
      const last = this.#chunks.pop() as Uint8Array;
      if (last.length > left) this.#chunks.push(last.subarray(0, last.length - left));
      left -= last.length;
    }
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
  }
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
