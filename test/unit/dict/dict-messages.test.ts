import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BytePages } from "../../../src/core/byte-pages.ts";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import {
  type DictWrite,
  readChangeOp,
  readDictWrite,
  writeChangeOp,
  writeDictWrite,
} from "../../../src/protocol/dict-messages.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { dictSamples } from "./wire-samples.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const key = fc.string({ unit: "grapheme", maxLength: 40 });
const plain = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), key, value: bytes }),
  fc.record({ kind: fc.constant("delete" as const), key }),
  fc.constant({ kind: "clear" as const }),
);
const condition = fc.oneof(
  fc.constant({ kind: "absent" as const }),
  fc.record({ kind: fc.constant("since" as const), rev: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant("own" as const), distance: fc.nat() }),
);
const write: fc.Arbitrary<DictWrite> = fc.oneof(
  plain,
  fc.record({ kind: fc.constant("update" as const), changes: fc.array(plain, { maxLength: 5 }) }),
  fc.record({
    kind: fc.constant("swap" as const),
    key,
    condition,
    value: fc.option(bytes, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("patch" as const), key, condition, patch: bytes }),
  fc.record({ kind: fc.constant("increment" as const), key, by: fc.double() }),
  fc.constant({ kind: "barrier" as const }),
);

function encoded(given: DictWrite): Uint8Array {
  const writer = new ByteWriter();
  writeDictWrite(writer, given);
  return writer.bytes.slice(0, writer.position);
}

const pages = new BytePages();

describe("a message about a dict", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(write, (given) => {
        const reader = new ByteReader(encoded(given));
        // A clone: bytes of its own may be a Buffer, which equals no Uint8Array.
        expect(structuredClone(readDictWrite(reader, pages))).toEqual(given);
        expect(reader.done).toBe(true);
      }),
    );
  });

  it("is refused when it is cut off, or is something else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (garbage) => {
        for (const read of [readDictWrite, readChangeOp]) {
          try {
            read(new ByteReader(garbage), pages);
          } catch (error) {
            expect(error).toMatchObject({ code: "CNR_ERR_UNDECODABLE" });
          }
        }
      }),
    );
    fc.assert(
      fc.property(write, (given) => {
        const whole = encoded(given);
        for (let end = 0; end < whole.length; end++) {
          expect(() => readDictWrite(new ByteReader(whole.slice(0, end)), pages)).toThrow("not a value");
        }
      }),
      { numRuns: 30 },
    );
  });

  it("may not claim more changes than it has bytes, nor hide a patch without a condition among them", () => {
    const [hostile, patched] = [new ByteWriter(), new ByteWriter()];
    hostile.byte(4);
    hostile.uint(2 ** 40);
    patched.byte(4);
    patched.uint(1);
    writeChangeOp(patched, { kind: "patch", key: "a", patch: new Uint8Array(3) });
    for (const { bytes: made, position } of [hostile, patched]) {
      expect(() => readDictWrite(new ByteReader(made.slice(0, position)), pages)).toThrow("not a value");
    }
  });

  it("does not hold the memory of what it came with, unless that is much", () => {
    const buffer = encoded({ kind: "set", key: "a", value: new Uint8Array([1, 2, 3]) });
    const read = readDictWrite(new ByteReader(buffer), pages);
    buffer.fill(0);
    expect(structuredClone(read)).toEqual({ kind: "set", key: "a", value: new Uint8Array([1, 2, 3]) });
    const much = new Uint8Array(20_000);
    much.set(encoded({ kind: "set", key: "a", value: new Uint8Array([1, 2, 3]) }));
    expect(readDictWrite(new ByteReader(much), pages)).toMatchObject({ value: { buffer: much.buffer } });
  });
});

/** A change of these bytes is a change of the protocol: programs of another release would not understand it. */
describe("the bytes of messages about dicts", () => {
  it("are those of test/golden/dicts.json", async () => {
    const golden: unknown = JSON.parse(
      readFileSync(new URL("../../golden/dicts.json", import.meta.url), "utf8"),
    );
    expect(await dictSamples()).toEqual(golden);
  });

  it("use the numbers that these messages have always had", () => {
    const numbers = Object.entries(MessageType).filter(([name]) => name.startsWith("dict"));
    expect(Object.fromEntries(numbers)).toEqual({
      dictWrite: 32,
      dictAcknowledge: 33,
      dictRefuse: 34,
      dictChange: 35,
      dictSnapshot: 36,
      dictResult: 37,
      dictDeny: 38,
    });
  });
});
