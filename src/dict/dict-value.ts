import type { FunctionCodec } from "../codec/function-codec.ts";
import type { ValueDecoder } from "../codec/value-decoder.ts";
import { ByteReader } from "../core/byte-reader.ts";
import { freeze } from "./freeze.ts";

const NOT_READ = Symbol("not read");
/** For one read after the other; most values have no such parts. */
const others: object[] = [];

/** How the values of one dict are read. */
export interface ValueCodec {
  readonly decoder: ValueDecoder;
  readonly functions: FunctionCodec | undefined;
}

/** What a key holds: the bytes, read when somebody asks. Without bytes: that the key is deleted. */
export class DictValue {
  #bytes: Uint8Array | undefined;
  /** The place of the pending operation that made it, among all operations of this replica; 0: the server's state. */
  place = 0;
  #value: unknown = NOT_READ;

  constructor(bytes: Uint8Array | undefined) {
    this.#bytes = bytes;
  }

  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  /** The same bytes are to be found elsewhere from now on. */
  moveTo(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  /** The value, frozen through and through; one that holds binary data, which cannot be frozen, as a new copy each time. */
  read(codec: ValueCodec): unknown {
    if (this.#value !== NOT_READ) return this.#value;
    if (!this.#bytes) return undefined;
    // What a read that has failed left behind.
    if (others.length > 0) others.length = 0;
    const value = codec.decoder.decodeFrozen(new ByteReader(this.#bytes), codec.functions, others);
    let isFrozen = true;
    for (let part = others.pop(); part; part = others.pop()) if (!freeze(part)) isFrozen = false;
    if (isFrozen) this.#value = value;
    return value;
  }

  /** The value as an object of the caller's own, not frozen. */
  copy(codec: ValueCodec): unknown {
    return this.bytes && codec.decoder.decode(new ByteReader(this.bytes), codec.functions);
  }

  isSame(other: DictValue | undefined): boolean {
    if (this === other) return true;
    const { bytes } = this;
    const others = other?.bytes;
    return bytes === undefined || others === undefined ? bytes === others : areSame(bytes, others);
  }
}

export function areSame(bytes: Uint8Array, others: Uint8Array): boolean {
  if (bytes.length !== others.length) return false;
  for (let n = 0; n < bytes.length; n++) if (bytes[n] !== others[n]) return false;
  return true;
}
