import type { BytePages } from "./byte-pages.ts";
import { ATTACHMENT, ESCAPE } from "./byte-writer.ts";
import { failure } from "./errors.ts";
import { readKey } from "./key-cache.ts";
import { copyOf, readText } from "./text.ts";

/** Received at once: memory that few things would hold alone. */
const MUCH_BYTES = 16 * 1024;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
const single = new Float32Array(1);
const singleBytes = new Uint8Array(single.buffer);

/** Gives the bytes of the next attachment; throws where there are not so many. */
export type TakeAttachment = (length: number) => Uint8Array;

const NO_ATTACHMENTS: TakeAttachment = () => {
  throw malformed("it names bytes that were not sent beside it");
};

export function malformed(reason: string): Error {
  return failure("CNR_ERR_UNDECODABLE", { reason });
}

/** Reads what `ByteWriter` writes. Every length is checked against the bytes that are there before anything is made. */
export class ByteReader {
  bytes: Uint8Array;
  position: number;
  end: number;
  readonly takeAttachment: TakeAttachment;
  /** Of `bytes`: asking for it costs as much as making a view. */
  #buffer: ArrayBufferLike | undefined;

  constructor(bytes: Uint8Array, takeAttachment: TakeAttachment = NO_ATTACHMENTS) {
    this.bytes = bytes;
    this.position = 0;
    this.end = bytes.length;
    this.takeAttachment = takeAttachment;
  }

  reset(bytes: Uint8Array, position: number, end: number): void {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
    this.#buffer = undefined;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  byte(): number {
    if (this.position >= this.end) throw malformed("it ends too early");
    return this.bytes[this.position++] as number;
  }

  uint(): number {
    const token = this.byte();
    if (token < 0x80) return token;
    const value = this.numberOf(token);
    if (value === undefined || !Number.isSafeInteger(value) || value < 0)
      throw malformed("a whole number is missing");
    return value;
  }

  boolean(): boolean {
    const token = this.byte();
    if (token !== 0xc2 && token !== 0xc3) throw malformed("true or false is missing");
    return token === 0xc3;
  }

  string(): string {
    const length = this.stringLengthOf(this.byte());
    if (length < 0) throw malformed("a text is missing");
    return this.textOf(length);
  }

  /** A text that is likely to come again: a name, a key. */
  key(): string {
    const length = this.stringLengthOf(this.byte());
    if (length < 0) throw malformed("a name is missing");
    return this.keyOf(length);
  }

  /** A view on the received bytes, or an attachment: copy it before the handler returns if it is to be kept. */
  binary(): Uint8Array {
    const length = this.#inlineLength();
    if (length >= 0) return this.view(length);
    this.position++;
    if (this.byte() !== ATTACHMENT) throw malformed("binary data is missing");
    return this.takeAttachment(this.uint());
  }

  /** Binary that may be kept: a copy, or, of much that came at once, a view, which holds all of it: see `HeldMemory`. */
  keptBinary(pages: BytePages): Uint8Array {
    const length = this.#inlineLength();
    if (length < 0) return this.binary();
    if (this.bytes.length >= MUCH_BYTES) return this.view(length);
    const start = this.#advance(length);
    return pages.copy(this.bytes, start, this.position);
  }

  /** A copy, for what does not stay long: short ones share memory, which is held until the last of them is gone. */
  passingBinary(): Uint8Array {
    const length = this.#inlineLength();
    if (length < 0) return this.binary();
    const start = this.#advance(length);
    return copyOf(this.bytes, start, this.position);
  }

  /** The length of the binary that stands here, or -1 where it came beside the message: then nothing is read. */
  #inlineLength(): number {
    const token = this.byte();
    if (token === ESCAPE) {
      this.position--;
      return -1;
    }
    const length = this.binaryLengthOf(token);
    if (length < 0) throw malformed("binary data is missing");
    return length;
  }

  /** The number that a token opens, or undefined where it opens something else. 64-bit integers are rounded as numbers are. */
  numberOf(token: number): number | undefined {
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    switch (token) {
      case 0xca:
        return this.#single();
      case 0xcb:
        return this.float();
      case 0xcc:
        return this.byte();
      case 0xcd:
        return this.#big(2);
      case 0xce:
        return this.#big(4);
      case 0xcf:
        return this.#big(4) * 0x100000000 + this.#big(4);
      case 0xd0:
        return (this.byte() << 24) >> 24;
      case 0xd1:
        return (this.#big(2) << 16) >> 16;
      case 0xd2:
        return this.#big(4) | 0;
      case 0xd3:
        return (this.#big(4) | 0) * 0x100000000 + this.#big(4);
      default:
        return undefined;
    }
  }

  /** 64 bits without a token before them. */
  float(): number {
    this.#need(8);
    const { bytes } = this;
    let at = this.position;
    for (let n = 7; n >= 0; n--) floatBytes[n] = bytes[at++] as number;
    this.position = at;
    return float[0] as number;
  }

  /** The byte length of the text that a token opens, or -1. */
  stringLengthOf(token: number): number {
    if (token >= 0xa0 && token < 0xc0) return token & 0x1f;
    return token === 0xd9 ? this.byte() : token === 0xda ? this.#big(2) : token === 0xdb ? this.#big(4) : -1;
  }

  /** The length of the binary that a token opens, or -1. */
  binaryLengthOf(token: number): number {
    return token === 0xc4 ? this.byte() : token === 0xc5 ? this.#big(2) : token === 0xc6 ? this.#big(4) : -1;
  }

  /** The length of the array that a token opens, or -1. An element takes a byte or more, so a lying length is found here. */
  arrayLengthOf(token: number): number {
    const length =
      (token & 0xf0) === 0x90
        ? token & 0xf
        : token === 0xdc
          ? this.#big(2)
          : token === 0xdd
            ? this.#big(4)
            : -1;
    if (length > this.end - this.position) throw malformed("an array is longer than the data");
    return length;
  }

  /** The size of the map that a token opens, or -1. */
  mapSizeOf(token: number): number {
    const size =
      (token & 0xf0) === 0x80
        ? token & 0xf
        : token === 0xde
          ? this.#big(2)
          : token === 0xdf
            ? this.#big(4)
            : -1;
    if (size * 2 > this.end - this.position) throw malformed("a map is longer than the data");
    return size;
  }

  /** A count of things that take at least `minBytes` each. */
  count(minBytes: number): number {
    const count = this.uint();
    if (count * minBytes > this.end - this.position) throw malformed("a list is longer than the data");
    return count;
  }

  textOf(length: number): string {
    const start = this.#advance(length);
    return readText(this.bytes, start, this.position);
  }

  keyOf(length: number): string {
    const start = this.#advance(length);
    return readKey(this.bytes, start, this.position);
  }

  view(length: number): Uint8Array {
    const start = this.#advance(length);
    this.#buffer ??= this.bytes.buffer;
    return new Uint8Array(this.#buffer, this.bytes.byteOffset + start, length);
  }

  #single(): number {
    this.#need(4);
    for (let n = 3; n >= 0; n--) singleBytes[n] = this.bytes[this.position++] as number;
    return single[0] as number;
  }

  #big(size: 2 | 4): number {
    this.#need(size);
    let value = 0;
    for (let n = 0; n < size; n++) value = (value << 8) | (this.bytes[this.position++] as number);
    return value >>> 0;
  }

  /** Goes over so many bytes, and gives where they start. */
  #advance(length: number): number {
    this.#need(length);
    const start = this.position;
    this.position += length;
    return start;
  }

  #need(length: number): void {
    if (length > this.end - this.position) throw malformed("it ends too early");
  }
}
