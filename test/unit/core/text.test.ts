import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { CodecError } from "../../../src/core/errors.ts";
import { readKey } from "../../../src/core/key-cache.ts";
import { allocateBytes, readText, writeText } from "../../../src/core/text.ts";

const anyText = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ maxLength: 60 }),
  fc.string({ unit: "binary" }).filter((text) => !/\p{Surrogate}/u.test(text)),
);

describe("text", () => {
  it("is UTF-8 in bytes, as the platform writes and reads it", () => {
    fc.assert(
      fc.property(anyText, fc.nat(10), (text, at) => {
        const bytes = allocateBytes(at + text.length * 3);
        const length = writeText(bytes, text, at);
        expect(Buffer.from(bytes.subarray(at, at + length)).equals(Buffer.from(text))).toBe(true);
        expect(readText(bytes, at, at + length)).toBe(text);
        expect(readKey(bytes, at, at + length)).toBe(text);
      }),
    );
  });

  it("keeps a byte order mark, and a zero", () => {
    const bytes = Buffer.from("\ufeffa\0b");
    expect(readText(bytes, 0, bytes.length)).toBe("\ufeffa\0b");
  });

  it("is written into memory whose slices are copies", () => {
    const bytes = allocateBytes(10);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(bytes.buffer.byteLength).toBe(10);
  });
});

describe("names that come again", () => {
  it("are the right ones, however many share a place, and though their bytes change later", () => {
    const buffer = Buffer.alloc(64);
    const read = (name: string): string => {
      const length = buffer.write(name);
      return readKey(buffer, 0, length);
    };
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 5000; n++) expect(read(`name ${n}`)).toBe(`name ${n}`);
    }
    for (const name of ["aXb", "aYb", "aXb", "", "x".repeat(33), "é", "y"]) expect(read(name)).toBe(name);
  });
});

describe("fields of a message", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ kind: fc.constant("uint" as const), value: fc.maxSafeNat() }),
            fc.record({ kind: fc.constant("uint" as const), value: fc.nat(300) }),
            fc.record({ kind: fc.constant("string" as const), value: anyText }),
            fc.record({ kind: fc.constant("boolean" as const), value: fc.boolean() }),
            fc.record({
              kind: fc.constant("binary" as const),
              value: fc.uint8Array({ maxLength: 400, size: "max" }),
            }),
          ),
        ),
        (fields) => {
          const writer = new ByteWriter(new Uint8Array(1));
          for (const field of fields) writer[field.kind](field.value as never);
          const reader = new ByteReader(writer.bytes);
          reader.reset(writer.bytes, 0, writer.position);
          for (const { kind, value } of fields) expect(reader[kind]()).toEqual(value);
          expect(reader.done).toBe(true);
        },
      ),
    );
  });

  it("are refused where something else stands", () => {
    const reader = (...bytes: number[]): ByteReader => new ByteReader(Uint8Array.from(bytes));
    for (const read of [
      () => reader(0xa1, 65).uint(),
      () => reader(0xff).uint(),
      () => reader(0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0).uint(),
      () => reader(0xcf, 255, 255, 255, 255, 255, 255, 255, 255).uint(),
      () => reader(1).boolean(),
      () => reader(1).string(),
      () => reader(0xa5, 65).string(),
      () => reader(0xc4, 5, 1).binary(),
      () => reader(0x90).key(),
      () => reader(0xc1, 0x0e).binary(),
      () => reader(0xc1, 0x0d, 5).binary(),
      () => reader(5).count(1),
      () => reader().byte(),
      () => reader(0xcd, 1).uint(),
    ]) {
      expect(read).toThrow(CodecError);
    }
  });
});

describe("a writer that is set back", () => {
  it("forgets what stood behind, attachments too", () => {
    const writer = new ByteWriter();
    writer.attachments = [];
    writer.binary(new Uint8Array(20_000));
    const mark = writer.position;
    writer.binary(new Uint8Array(30_000));
    writer.string("gone");
    writer.rollBack(mark, 1);
    expect([writer.position, writer.attachments.length, writer.attachedBytes]).toEqual([mark, 1, 20_000]);
  });

  it("refuses to grow past what one buffer can hold", () => {
    expect(() => new ByteWriter().reserve(2 ** 31)).toThrow(/takes 2147483648 bytes/);
  });
});
