import { type ConnectorError, failure } from "../core/errors.ts";

/** The failure for bytes that no version of this program has written. */
export function corrupt(reason: string): ConnectorError {
  return failure("CNR_ERR_STORE_CORRUPT", { reason });
}

/**
 * Reads what ByteWriter has written. The bytes may be anything: each read either gives a value that the writer
 * would write in the same way, or throws `CNR_ERR_STORE_CORRUPT`; nothing is allocated before its bytes are known to be there.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw corrupt("it ends too early");
    this.#at++;
    return byte;
  }

  count(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      // Safe here means exact: a ninth byte, or too large an eighth one, cannot hide in rounding.
      if (!Number.isSafeInteger(value)) throw corrupt("a number is too large");
      if (byte === 0 && factor > 1) throw corrupt("a number has needless bytes");
      if (byte < 128) return value;
    }
  }

  integer(): number {
    const count = this.count();
    return count % 2 === 0 ? count / 2 : -(count + 1) / 2;
  }

  flag(): boolean {
    const byte = this.byte();
    if (byte > 1) throw corrupt("a flag is neither 0 nor 1");
    return byte === 1;
  }

  text(): string {
    const units: number[] = [];
    const parts: string[] = [];
    for (let left = this.size(); left > 0; left--) {
      const unit = this.count();
      if (unit > 0xffff) throw corrupt("a text has too large a code unit");
      // In parts, because a call takes only so many arguments.
      if (units.push(unit) === 4096) parts.push(String.fromCharCode(...units.splice(0)));
    }
    return parts.join("") + String.fromCharCode(...units);
  }

  /** A copy, so that a small value does not keep a large snapshot in memory. */
  bytes(): Uint8Array {
    const length = this.size();
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  /** How many elements follow: never more than there are bytes left, since each takes at least one. */
  size(): number {
    const size = this.count();
    if (size > this.#bytes.length - this.#at) throw corrupt("it ends too early");
    return size;
  }

  list<T>(element: () => T): T[] {
    return Array.from({ length: this.size() }, element);
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw corrupt("it goes on after its end");
  }
}
