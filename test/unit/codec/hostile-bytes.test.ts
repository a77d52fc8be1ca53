import { describe, expect, it } from "vitest";
import { CodecError } from "../../../src/core/errors.ts";
import { decodeBytes } from "./codec-pair.ts";

const ESC = 0xc1;
const text = (value: string): number[] => [0xa0 | value.length, ...Buffer.from(value)];
const u32 = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];

function refused(bytes: readonly number[]): void {
  expect(() => decodeBytes(bytes)).toThrow(CodecError);
}

describe("bytes that no encoder wrote", () => {
  it("refuses every value that is cut short", () => {
    const whole = [
      0x83,
      ...text("a"),
      0xcd,
      1,
      2,
      ...text("b"),
      0xcb,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      ...text("c"),
      ESC,
      0x04,
      1,
      0xd9,
      1,
      65,
      0x92,
      1,
      0xc4,
      1,
      1,
    ];
    expect(decodeBytes(whole)).toBeTypeOf("object");
    for (let length = 0; length < whole.length; length++) refused(whole.slice(0, length));
  });

  it("refuses lengths that promise more than is there, without making room for them", () => {
    const before = process.memoryUsage();
    const huge = [0xff, 0xff, 0xff, 0xff];
    for (let n = 0; n < 50; n++) {
      for (const token of [0xdb, 0xdd, 0xdf, 0xc6]) refused([token, ...huge, 0]);
      for (const code of [0x02, 0x04, 0x05, 0x09]) refused([ESC, code, 0xce, ...huge, 0xce, ...huge]);
      refused([ESC, 0x06, ...text("Error"), ...text("Error"), ...text(""), ...text(""), 0, 0xce, ...huge]);
    }
    const after = process.memoryUsage();
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(50e6);
  });

  it("makes no room for arrays inside arrays that all claim the same bytes", () => {
    const levels = 190;
    const padding = 4_000_000;
    const bytes = new Uint8Array(levels * 5 + padding).fill(0xc1);
    for (let n = 0; n < levels; n++) bytes.set([0xdd, ...u32(padding - 10_000)], n * 5);
    const before = process.memoryUsage().heapUsed;
    expect(() => decodeBytes(bytes)).toThrow(CodecError);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
  });

  it("makes no room for the holes of a sparse array", () => {
    const one = [ESC, 0x09, 0xce, ...u32(30_000_000), 0];
    const before = process.memoryUsage().heapUsed;
    const got = decodeBytes([0xdc, 0, 200, ...Array.from({ length: 200 }, () => one).flat()]) as unknown[][];
    expect(got.map((each) => each.length)).toEqual(new Array(200).fill(30_000_000));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
  });

  it("refuses shapes that are unknown, out of order, empty, too wide or too many", () => {
    refused([ESC, 0x21, 0x91, ...text("a"), 1]);
    refused([ESC, 0x20, 0x90]);
    refused([
      ESC,
      0x20,
      0xdc,
      0,
      65,
      ...Array.from({ length: 65 }, () => text("k")).flat(),
      ...new Array<number>(65).fill(1),
    ]);
    refused([ESC, 0x20, 0x91, 0xda, 1, 1, ...new Array<number>(257).fill(65), 1]);
    expect(() => decodeBytes([ESC, 0x20, 0x91, ...text("a"), 1], { shapes: false })).toThrow(CodecError);
    const defining = Array.from({ length: 257 }, (_, id) => [
      ESC,
      ...(id < 0x60 ? [0x20 + id] : [0xcd, (0x20 + id) >> 8, (0x20 + id) & 255]),
      0x91,
      ...text("a"),
      1,
    ]);
    expect(decodeBytes([0xdc, 1, 0, ...defining.slice(0, 256).flat()])).toHaveLength(256);
    refused([0xdc, 1, 1, ...defining.flat()]);
  });

  it("refuses references to nothing, and a graph inside a graph", () => {
    refused([ESC, 0x0f, 0]);
    for (const reference of [
      [1],
      [0x7f],
      [0xce, 255, 255, 255, 255],
      [0xcf, 0, 31, 255, 255, 255, 255, 255, 255],
      [0xff],
      [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
    ]) {
      refused([ESC, 0x0e, 0x91, ESC, 0x0f, ...reference]);
    }
    refused([ESC, 0x0e, 0x91, ESC, 0x0e, 0x90]);
  });

  it("refuses extensions and tokens that mean nothing", () => {
    for (const code of [0x10, 0x1f, 0xff, 0xe0]) refused([ESC, code, 0, 0, 0]);
    for (const token of [0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8])
      refused([token, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("refuses broken contents", () => {
    refused([ESC, 0x02, 0xc2, ...text("xyz")]);
    refused([ESC, 0x02, 0xc2, ...text("")]);
    refused([ESC, 0x02, 5, ...text("1")]);
    refused([ESC, 0x03, ...text("("), ...text("")]);
    refused([ESC, 0x03, ...text("a"), ...text("gg")]);
    refused([ESC, 0x08, 99, 0xc4, 0]);
    refused([ESC, 0x08, 8, 0xc4, 3, 1, 2, 3]);
    refused([ESC, 0x01, 5]);
    refused([ESC, 0x0a, 0x90]);
    refused([ESC, 0x0a, 0xc0]);
    refused([ESC, 0x09, 3, 1, 3, 1]);
    refused([ESC, 0x09, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    refused([0x81, 5, 5]);
    refused([0x81, 0x90, 5]);
  });

  it("never lets keys reach a prototype", () => {
    const proto = text("__proto__");
    const evil = [0x81, ...text("polluted"), 1];
    const values = [
      decodeBytes([0x81, ...proto, ...evil]),
      decodeBytes([ESC, 0x20, 0x91, ...proto, ...evil]),
      decodeBytes([
        ESC,
        0x06,
        ...text("Error"),
        ...text("Error"),
        ...text("m"),
        ...text(""),
        0,
        1,
        ...proto,
        ...evil,
      ]),
      decodeBytes([0x81, ...text("constructor"), 0x81, ...text("prototype"), ...evil]),
    ];
    for (const value of values) expect((value as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("reads text that is no UTF-8 as replacement characters", () => {
    expect(decodeBytes([0xa2, 0xff, 0xfe])).toBe("\ufffd\ufffd");
    expect(decodeBytes([0x81, 0xa1, 0x80, 1])).toEqual({ "\ufffd": 1 });
  });

  it("reads integers of MessagePack that it never writes", () => {
    expect(decodeBytes([0xd3, 255, 255, 255, 255, 255, 255, 255, 254])).toBe(-2);
    expect(decodeBytes([0xca, 0x3f, 0x80, 0, 0])).toBe(1);
    expect(decodeBytes([0xd1, 0xff, 0x00])).toBe(-256);
    expect(decodeBytes([0xcf, 0, 0, 0, 0, 0, 0, 0, 5])).toBe(5);
  });
});
