/** Writes the parts of which commands and snapshots are made. There is one way to write each value. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** An integer from 0 to 2^53 - 1: seven bits a byte, the lowest first, bit 7 set in all bytes but the last. */
  count(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a count: ${String(value)}`);
    this.#reserve(8);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** An integer of either sign: 0, -1, 1, -2, 2 ... as counts 0, 1, 2, 3, 4 ... */
  integer(value: number): void {
    this.count(value < 0 ? -2 * value - 1 : 2 * value);
  }

  flag(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** A count of UTF-16 code units, and each as a count: unlike UTF-8, this keeps every JavaScript string as it is. */
  text(value: string): void {
    this.count(value.length);
    for (let n = 0; n < value.length; n++) this.count(value.charCodeAt(n));
  }

  bytes(value: Uint8Array): void {
    this.count(value.byteLength);
    this.#reserve(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
  }

  /** What has been written, in an array of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
