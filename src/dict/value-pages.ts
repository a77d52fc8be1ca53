import type { FunctionCodec } from "../codec/function-codec.ts";
import type { ValueEncoder } from "../codec/value-encoder.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { allocateBytes } from "../core/text.ts";

const NOTHING = new Uint8Array(0);
const PAGE_BYTES = 8 * 1024;
/** With less left, most values would make the page grow. */
const ROOM_BYTES = 512;

/** Encodes values one after the other into shared memory: a piece of its own would cost each more than all else. */
export class ValuePages {
  #page = new ByteWriter(NOTHING);

  encode(encoder: ValueEncoder, value: unknown, functions: FunctionCodec | undefined): Uint8Array {
    if (this.#page.position + ROOM_BYTES > this.#page.bytes.length) {
      this.#page = new ByteWriter(allocateBytes(PAGE_BYTES));
    }
    const page = this.#page;
    const start = page.position;
    encoder.encode(page, value, functions);
    if (page.position - start <= PAGE_BYTES / 2) return page.bytes.subarray(start, page.position);
    // A long one has its own after all, and the page that has grown for it is not kept.
    this.#page = new ByteWriter(NOTHING);
    return page.bytes.slice(start, page.position);
  }
}
