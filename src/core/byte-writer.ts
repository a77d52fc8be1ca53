import { failure } from "./errors.ts";
import { allocateBytes, writeText } from "./text.ts";

/** A binary value this long is not copied into the buffer: it travels beside it, as it is. */
export const ATTACHMENT_BYTES = 16 * 1024;
/** MessagePack never uses this byte; it opens all that MessagePack has no form for (codec/extension-types). */
export const ESCAPE = 0xc1;
/** After `ESCAPE`: a binary value that travels beside the message; its length follows. */
export const ATTACHMENT = 0x0d;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/**
 * Writes MessagePack, front to back, into a buffer that grows. `position` may be set back: what was written after it is dropped.
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export class ByteWriter {
  bytes: Uint8Array;
  position = 0;
  /** Large binary values in the order in which they were written, or undefined where everything stays inline. */
  attachments: Uint8Array[] | undefined;
  attachedBytes = 0;
  /** Called before the buffer grows; what it throws keeps it from growing. */
  onGrow: (() => void) | undefined;

  constructor(bytes: Uint8Array = allocateBytes(1024)) {
    this.bytes = bytes;
  }

  /** Makes sure that `count` more bytes fit. */
  reserve(count: number): void {
    if (this.position + count > this.bytes.length) this.#grow(this.position + count);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.position++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  uint(value: number): void {
    if (value < 0x80) return this.byte(value);
    this.reserve(9);
    if (value < 0x100) this.#tagged(0xcc, value, 1);
    else if (value < 0x10000) this.#tagged(0xcd, value, 2);
    else if (value < 0x100000000) this.#tagged(0xce, value, 4);
    else {
      this.#tagged(0xcf, Math.floor(value / 0x100000000), 4);
      this.#raw(value >>> 0, 4);
    }
  }

  /** Any number, in the shortest form that gives the same number back; -0, NaN and fractions as 64-bit floats. */
  number(value: number): void {
    if (value >>> 0 === value) {
      if (value === 0 && Object.is(value, -0)) return this.float(value);
      return this.uint(value);
    }
    if (value >> 0 === value) return this.#negative(value);
    this.float(value);
  }

  float(value: number): void {
    this.reserve(9);
    const { bytes } = this;
    let at = this.position;
    bytes[at++] = 0xcb;
    float[0] = value;
    for (let n = 7; n >= 0; n--) bytes[at++] = floatBytes[n] as number;
    this.position = at;
  }

  string(text: string): void {
    if (text.length < 32 && this.shortAscii(text)) return;
    const { length } = text;
    this.reserve(length * 3 + 5);
    const { bytes } = this;
    const start = this.position;
    // The header's size depends on the byte length, which is known after writing; nearly always one byte a character.
    const header = length < 32 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
    const written = writeText(bytes, text, start + header);
    const needed = written < 32 ? 1 : written < 0x100 ? 2 : written < 0x10000 ? 3 : 5;
    if (needed !== header) bytes.copyWithin(start + needed, start + header, start + header + written);
    if (needed === 1) bytes[this.position++] = 0xa0 | written;
    else if (needed === 2) this.#tagged(0xd9, written, 1);
    else if (needed === 3) this.#tagged(0xda, written, 2);
    else this.#tagged(0xdb, written, 4);
    this.position = start + needed + written;
  }

  /** A text of less than 32 characters, as nearly all are; false, and nothing is written, where one of them is no ASCII. */
  shortAscii(text: string): boolean {
    const { length } = text;
    this.reserve(length + 1);
    const { bytes } = this;
    let at = this.position;
    bytes[at++] = 0xa0 | length;
    for (let n = 0; n < length; n++) {
      const code = text.charCodeAt(n);
      if (code >= 0x80) return false;
      bytes[at++] = code;
    }
    this.position = at;
    return true;
  }

  /** Binary. A long one becomes an attachment where attachments are taken: it is not copied, and must not change until sent. */
  binary(value: Uint8Array): void {
    const { length } = value;
    if (length >= ATTACHMENT_BYTES && this.attachments) {
      this.byte(ESCAPE);
      this.byte(ATTACHMENT);
      this.uint(length);
      this.attachments.push(value);
      this.attachedBytes += length;
      return;
    }
    this.reserve(length + 5);
    if (length < 0x100) this.#tagged(0xc4, length, 1);
    else if (length < 0x10000) this.#tagged(0xc5, length, 2);
    else this.#tagged(0xc6, length, 4);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    // Below this a loop beats the call.
    if (value.length <= 32) {
      for (let n = 0; n < value.length; n++) this.bytes[this.position + n] = value[n] as number;
    } else this.bytes.set(value, this.position);
    this.position += value.length;
  }

  nil(): void {
    this.byte(0xc0);
  }

  boolean(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  array(length: number): void {
    this.reserve(5);
    if (length < 16) this.bytes[this.position++] = 0x90 | length;
    else if (length < 0x10000) this.#tagged(0xdc, length, 2);
    else this.#tagged(0xdd, length, 4);
  }

  map(size: number): void {
    this.reserve(5);
    if (size < 16) this.bytes[this.position++] = 0x80 | size;
    else if (size < 0x10000) this.#tagged(0xde, size, 2);
    else this.#tagged(0xdf, size, 4);
  }

  escape(code: number): void {
    this.reserve(6);
    this.bytes[this.position++] = ESCAPE;
    this.uint(code);
  }

  /** Drops all that was written after this place. */
  rollBack(position: number, attachments: number): void {
    this.position = position;
    if (!this.attachments || this.attachments.length === attachments) return;
    for (const dropped of this.attachments.splice(attachments)) this.attachedBytes -= dropped.length;
  }

  #grow(needed: number): void {
    this.onGrow?.();
    if (needed > 0x7fffffff) throw failure("CNR_ERR_VALUE_TOO_LARGE", { bytes: needed, max: 0x7fffffff });
    const larger = allocateBytes(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.position));
    this.bytes = larger;
  }

  #negative(value: number): void {
    this.reserve(5);
    if (value >= -0x20) this.bytes[this.position++] = value & 0xff;
    else if (value >= -0x80) this.#tagged(0xd0, value, 1);
    else if (value >= -0x8000) this.#tagged(0xd1, value, 2);
    else this.#tagged(0xd2, value, 4);
  }

  #tagged(tag: number, value: number, size: 1 | 2 | 4): void {
    this.bytes[this.position++] = tag;
    this.#raw(value, size);
  }

  #raw(value: number, size: 1 | 2 | 4): void {
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) this.bytes[this.position++] = value >>> shift;
  }
}
