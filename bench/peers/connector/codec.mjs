import { ValueDecoder } from "../../../dist/codec/value-decoder.js";
import { ValueEncoder } from "../../../dist/codec/value-encoder.js";
import { ByteReader } from "../../../dist/core/byte-reader.js";
import { ByteWriter } from "../../../dist/core/byte-writer.js";

const LIMITS = { maxDepth: 100, maxValueBytes: 64 * 1024 * 1024, shapes: true };

/** As on a link: one writer and one reader, used again and again, and shapes that travel once. */
export function codec() {
  const encoder = new ValueEncoder(LIMITS);
  const decoder = new ValueDecoder(LIMITS);
  const writer = new ByteWriter();
  const reader = new ByteReader(new Uint8Array(0));
  return {
    encode(value) {
      writer.position = 0;
      encoder.encode(writer, value);
      return writer.bytes.subarray(0, writer.position);
    },
    decode(bytes) {
      reader.reset(bytes, 0, bytes.length);
      return decoder.decode(reader);
    },
  };
}
