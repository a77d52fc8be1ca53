import type { FunctionCodec } from "../../../src/codec/function-codec.ts";
import { ValueDecoder } from "../../../src/codec/value-decoder.ts";
import { ValueEncoder } from "../../../src/codec/value-encoder.ts";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { type ConnectorError, ConnectorError as Failure } from "../../../src/core/errors.ts";

export interface PairOptions {
  readonly shapes?: boolean;
  readonly maxDepth?: number;
  readonly maxValueBytes?: number;
}

/** What is written at one end is read at the other, in order, as on a link. */
export class CodecPair {
  readonly encoder: ValueEncoder;
  readonly decoder: ValueDecoder;
  readonly writer: ByteWriter = new ByteWriter(new Uint8Array(64));

  constructor(options: PairOptions = {}) {
    const { shapes = true, maxDepth = 200, maxValueBytes = 64 * 1024 * 1024 } = options;
    this.encoder = new ValueEncoder({ maxDepth, maxValueBytes, shapes });
    this.decoder = new ValueDecoder({ maxDepth, shapes });
    this.writer.attachments = [];
  }

  /** The bytes of a value, not yet read by the other end. */
  encode(value: unknown, functions?: FunctionCodec): Uint8Array {
    const start = this.writer.position;
    this.encoder.encode(this.writer, value, functions);
    return new Uint8Array(this.writer.bytes.subarray(start, this.writer.position));
  }

  decode(bytes: Uint8Array, functions?: FunctionCodec): unknown {
    const attachments = this.writer.attachments ?? [];
    // Attachments come as copies, as a network makes them.
    const reader = new ByteReader(bytes, () => new Uint8Array(attachments.shift() ?? []));
    const value = this.decoder.decode(reader, functions);
    if (reader.position !== bytes.length)
      throw new Error(`${bytes.length - reader.position} bytes are left over`);
    return value;
  }

  roundTrip<T>(value: T, functions?: FunctionCodec): T {
    return this.decode(this.encode(value, functions), functions) as T;
  }

  /** The failure of a value that cannot travel. */
  refusal(value: unknown, functions?: FunctionCodec): ConnectorError {
    const before = this.writer.position;
    try {
      this.encode(value, functions);
    } catch (error) {
      if (!Failure.is(error)) throw error;
      if (this.writer.position !== before) throw new Error("half a value stayed written");
      if (this.writer.attachments?.length !== 0) throw new Error("an attachment stayed behind");
      return error;
    }
    throw new Error("it was encoded");
  }

  pathOfRefusal(value: unknown): unknown {
    return this.refusal(value).details["path"];
  }
}

/** Bytes alone, read by a fresh decoder. */
export function decodeBytes(bytes: ArrayLike<number>, options: PairOptions = {}): unknown {
  const { shapes = true, maxDepth = 200 } = options;
  return new ValueDecoder({ maxDepth, shapes }).decode(new ByteReader(Uint8Array.from(bytes)));
}
