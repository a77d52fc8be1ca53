import { describe, expect, it } from "vitest";
import { ValueDecoder } from "../../../src/codec/value-decoder.ts";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ATTACHMENT_BYTES, ByteWriter } from "../../../src/core/byte-writer.ts";
import { CodecPair } from "./codec-pair.ts";
import { difference } from "./difference.ts";

const large = (length: number = ATTACHMENT_BYTES): Uint8Array => new Uint8Array(length).map((_, n) => n * 7);

describe("a large binary", () => {
  it("travels beside the message, as it was when it was sent: its memory may be filled anew at once", () => {
    const pair = new CodecPair();
    const photo = large(3_000_000);
    const floats = new Float64Array(10_000).fill(1.5);
    const part = new Uint8Array(photo.buffer, 5, 20_000);
    const sent = { photo, list: [floats.buffer, floats, part, Buffer.from(photo.buffer, 0, 20_000)] };
    const before = structuredClone({ photo, list: [floats.buffer, floats, part, photo.slice(0, 20_000)] });
    const bytes = pair.encode(sent);
    expect(bytes.length).toBeLessThan(100);
    expect(pair.writer.attachments?.map(({ length }) => length)).toEqual([3e6, 8e4, 8e4, 2e4, 2e4]);
    photo.fill(9);
    floats.fill(9);
    expect(difference(pair.decode(bytes), before)).toBeUndefined();
  });

  it("is handed on uncopied where its memory came for it alone", () => {
    const photo = large();
    const bytes = new CodecPair().encode([photo, photo.slice().buffer, new Int32Array(photo.slice().buffer)]);
    const received = [large(), large(), large()];
    const given = [...received];
    const reader = new ByteReader(bytes, () => given.shift() as Uint8Array);
    const got = new ValueDecoder({ maxDepth: 9, shapes: true }).decode(reader) as [
      Uint8Array,
      ArrayBuffer,
      Int32Array,
    ];
    expect(got[0].buffer).toBe(received[0]?.buffer);
    expect(got[1]).toBe(received[1]?.buffer);
    expect(got[2].buffer).toBe(received[2]?.buffer);
  });

  it("is copied where its memory holds bytes of others", () => {
    const bytes = new CodecPair().encode(large());
    const chunk = large(ATTACHMENT_BYTES + 100);
    const reader = new ByteReader(bytes, () => chunk.subarray(1, 1 + ATTACHMENT_BYTES));
    const got = new ValueDecoder({ maxDepth: 9, shapes: true }).decode(reader) as Uint8Array;
    expect(got.buffer.byteLength).toBe(ATTACHMENT_BYTES);
    expect(got).toEqual(chunk.slice(1, 1 + ATTACHMENT_BYTES));
  });

  it("stays inside where everything has to be in one place", () => {
    const writer = new ByteWriter();
    writer.binary(large());
    expect(writer.position).toBe(ATTACHMENT_BYTES + 3);
  });

  it("keeps its alignment, wherever it stands", () => {
    const pair = new CodecPair();
    for (const length of [2, 3, 3000]) {
      const values = [
        "x",
        new Float64Array(length).fill(0.5),
        "yy",
        new BigInt64Array(length),
        new Int16Array(length),
      ];
      expect(difference(pair.roundTrip(values), values)).toBeUndefined();
    }
  });

  it("counts for the size limit like every byte", () => {
    const pair = new CodecPair({ maxValueBytes: 50_000 });
    expect(pair.refusal([large(20_000), large(20_000), large(20_000)]).code).toBe("CNR_ERR_VALUE_TOO_LARGE");
    const value = [large(20_000), large(20_000)];
    expect(pair.roundTrip(value)).toEqual(value);
    expect(pair.roundTrip(value)).toEqual(value);
  });

  it("is refused when nobody sent it", () => {
    const bytes = new CodecPair().encode(large());
    expect(() => new ValueDecoder({ maxDepth: 9, shapes: true }).decode(new ByteReader(bytes))).toThrow(
      /not sent beside it/,
    );
  });
});
