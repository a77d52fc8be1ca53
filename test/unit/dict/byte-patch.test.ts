import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { applyPatch, diffBytes } from "../../../src/dict/byte-patch.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const LONG = Array.from({ length: 2000 }, (_, n) => `item ${n}`).join();

function patchOf(
  ...parts: readonly (readonly [from: number, length: number, inserted: string])[]
): Uint8Array {
  const writer = new ByteWriter();
  for (const [from, length, inserted] of parts) {
    writer.uint(from);
    writer.uint(length);
    writer.binary(bytesOf(inserted));
  }
  return writer.bytes.slice(0, writer.position);
}

describe("a byte patch", () => {
  it("turns one value into the other, whatever they are", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("a".repeat(50), LONG).map(bytesOf),
    );
    const pieces = fc.array(piece, { maxLength: 6 }).map((list) => new Uint8Array(Buffer.concat(list)));
    fc.assert(
      fc.property(pieces, pieces, (before, after) => {
        expect(Buffer.compare(applyPatch(before, diffBytes(before, after)), after)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("turns a value into an edited one", () => {
    const edit = fc.tuple(fc.nat(LONG.length), fc.nat(30), fc.string({ maxLength: 20 }));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 5 }), (edits) => {
        let after = LONG;
        for (const [at, cut, text] of edits) after = after.slice(0, at) + text + after.slice(at + cut);
        const patch = diffBytes(bytesOf(LONG), bytesOf(after));
        expect(textOf(applyPatch(bytesOf(LONG), patch))).toBe(after);
      }),
      { numRuns: 200 },
    );
  });

  it("is short for a change in the middle, at the start and at the end", () => {
    const changed = [
      `x${LONG}`,
      `${LONG}x`,
      LONG.replace("item 1000", "other"),
      LONG.slice(0, -9),
      LONG.slice(9),
    ];
    for (const after of changed) expect(diffBytes(bytesOf(LONG), bytesOf(after)).length).toBeLessThan(40);
  });

  it("is short for several changes far apart, also of other lengths", () => {
    const after = LONG.replace("item 10,", "a longer item 10,")
      .replace("item 1000,", "")
      .replace("item 1990", "!");
    expect(diffBytes(bytesOf(LONG), bytesOf(after)).length).toBeLessThan(120);
  });

  it("finds what has moved", () => {
    const middle = LONG.length / 2;
    const after = LONG.slice(middle) + LONG.slice(0, middle);
    expect(diffBytes(bytesOf(LONG), bytesOf(after)).length).toBeLessThan(100);
  });

  it("is empty bytes for an empty value", () => {
    expect(applyPatch(bytesOf("abc"), diffBytes(bytesOf("abc"), bytesOf("")))).toHaveLength(0);
    expect(textOf(applyPatch(bytesOf(""), diffBytes(bytesOf(""), bytesOf("abc"))))).toBe("abc");
  });

  it("is refused where it reaches out of the value", () => {
    for (const patch of [
      patchOf([0, 4, ""]),
      patchOf([4, 0, "x"]),
      patchOf([2 ** 40, 1, ""]),
      patchOf([0, 2 ** 50, ""]),
    ]) {
      expect(() => applyPatch(bytesOf("abc"), patch)).toThrow(
        expect.objectContaining({ code: "CNR_ERR_UNDECODABLE" }),
      );
    }
  });

  it("is refused where there is no value", () => {
    expect(() => applyPatch(undefined, patchOf([0, 0, "x"]))).toThrow("not there");
  });

  it("is refused where it is cut off", () => {
    const patch = patchOf([0, 3, "hello"]);
    for (let end = 1; end < patch.length; end++) {
      expect(() => applyPatch(bytesOf("abc"), patch.slice(0, end))).toThrow("not a value");
    }
  });

  it("does not make more than the limit, before it has made it", () => {
    const bomb = patchOf(...Array.from({ length: 1000 }, () => [0, LONG.length, ""] as const));
    expect(() => applyPatch(bytesOf(LONG), bomb, 100_000)).toThrow(
      expect.objectContaining({
        code: "CNR_ERR_VALUE_TOO_LARGE",
        details: expect.objectContaining({ max: 100_000 }),
      }),
    );
  });
});
