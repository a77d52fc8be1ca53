import type { FunctionCodec } from "../codec/function-codec.ts";
import type { ValueDecoder } from "../codec/value-decoder.ts";
import type { ValueEncoder } from "../codec/value-encoder.ts";
import { ByteReader, malformed } from "../core/byte-reader.ts";
import { ATTACHMENT_BYTES, type ByteWriter } from "../core/byte-writer.ts";
import { CodecError, failure } from "../core/errors.ts";

/** The header of binary data of less than 256 bytes: what most items are. */
const SHORT_HEADER = 2;
const reader = new ByteReader(new Uint8Array(0));

/**
 * Writes a value as binary, in place. The body is whole in itself, because it will be stored:
 * nothing inside the value travels beside it, but a long body does as a whole.
 */
export function writeBody(
  writer: ByteWriter,
  encoder: ValueEncoder,
  value: unknown,
  functions: FunctionCodec | undefined,
): void {
  const { attachments, position: start } = writer;
  writer.attachments = undefined;
  try {
    writer.reserve(SHORT_HEADER);
    writer.position = start + SHORT_HEADER;
    encoder.encode(writer, value, functions);
  } finally {
    writer.attachments = attachments;
  }
  const length = writer.position - start - SHORT_HEADER;
  if (length < 0x100) {
    writer.bytes[start] = 0xc4;
    writer.bytes[start + 1] = length;
  } else if (length < ATTACHMENT_BYTES) {
    writer.reserve(1);
    writer.bytes.copyWithin(start + 3, start + SHORT_HEADER, writer.position++);
    writer.bytes[start] = 0xc5;
    writer.bytes[start + 1] = length >>> 8;
    writer.bytes[start + 2] = length;
  } else {
    const body = writer.bytes.slice(start + SHORT_HEADER, writer.position);
    writer.position = start;
    writer.binary(body);
  }
}

/** Whatever is wrong with a body that somebody else put, its getter gets a `CodecError`. */
export function readBody(
  body: Uint8Array,
  decoder: ValueDecoder,
  functions: FunctionCodec | undefined,
): unknown {
  reader.reset(body, 0, body.length);
  try {
    const value = decoder.decode(reader, functions);
    if (!reader.done) throw malformed("something follows the value");
    return value;
  } catch (error) {
    if (error instanceof CodecError) throw error;
    throw failure(
      "CNR_ERR_UNDECODABLE",
      { reason: error instanceof Error ? error.message : String(error) },
      error,
    );
  }
}
