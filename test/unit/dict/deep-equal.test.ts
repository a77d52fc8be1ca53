import { describe, expect, it } from "vitest";
import { deepEqual } from "../../../src/dict/deep-equal.ts";

function cycle(last: unknown): object {
  const list: unknown[] = [1, { last }];
  list.push(list);
  return { list };
}

describe("deepEqual", () => {
  const same: readonly (readonly [string, unknown, unknown])[] = [
    ["numbers", 1, 1],
    ["NaN", Number.NaN, Number.NaN],
    ["0 and -0", 0, -0],
    ["texts", "a", "a"],
    ["null", null, null],
    ["undefined", undefined, undefined],
    ["bigints", 10n, 10n],
    ["objects in any order of keys", { a: 1, b: [2] }, { b: [2], a: 1 }],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["arrays", [1, [2, [3]]], [1, [2, [3]]]],
    ["dates", new Date(5), new Date(5)],
    ["regular expressions", /a/gi, /a/gi],
    [
      "maps in any order",
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
      new Map([
        ["b", 2],
        ["a", 1],
      ]),
    ],
    ["maps with objects as keys", new Map([[{ id: 1 }, "x"]]), new Map([[{ id: 1 }, "x"]])],
    ["sets in any order", new Set([1, "a"]), new Set(["a", 1])],
    ["sets of objects", new Set([{ a: 1 }, { b: 1 }]), new Set([{ b: 1 }, { a: 1 }])],
    ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    ["a view into a larger buffer", new Uint8Array([0, 1, 2]).subarray(1), new Uint8Array([1, 2])],
    ["buffers", new Uint8Array([1]).buffer, new Uint8Array([1]).buffer],
    ["errors", new TypeError("x"), new TypeError("x")],
    ["boxed numbers", Object(1), Object(1)],
    ["cycles", cycle(1), cycle(1)],
    ["functions of the same code", (a: number) => a + 1, (a: number) => a + 1],
  ];
  it.each(same)("finds %s the same", (_, a, b) => {
    expect(deepEqual(a, b)).toBe(true);
    expect(deepEqual(b, a)).toBe(true);
  });

  const different: readonly (readonly [string, unknown, unknown])[] = [
    ["numbers", 1, 2],
    ["a number and a text", 1, "1"],
    ["null and undefined", null, undefined],
    ["null and an object", null, {}],
    ["an array and an object", [], {}],
    ["a missing key and an undefined one", {}, { a: undefined }],
    ["other keys", { a: undefined }, { b: undefined }],
    ["nested values", { a: { b: [1] } }, { a: { b: [2] } }],
    ["a longer array", [1], [1, 2]],
    ["a hole and undefined", new Array(1), [undefined]],
    ["dates", new Date(5), new Date(6)],
    ["flags", /a/g, /a/i],
    ["map values", new Map([["a", 1]]), new Map([["a", 2]])],
    ["map keys", new Map([["a", 1]]), new Map([["b", 1]])],
    ["map keys that are objects", new Map([[{ id: 1 }, 1]]), new Map([[{ id: 2 }, 1]])],
    ["map sizes", new Map([["a", 1]]), new Map()],
    ["sets", new Set([1]), new Set([2])],
    ["sets of objects", new Set([{ a: 1 }]), new Set([{ a: 2 }])],
    ["bytes", new Uint8Array([1]), new Uint8Array([2])],
    ["kinds of bytes", new Uint8Array([1]), new Int8Array([1])],
    ["buffers", new Uint8Array([1]).buffer, new Uint8Array([1, 2]).buffer],
    ["error classes", new TypeError("x"), new RangeError("x")],
    ["error messages", new Error("x"), new Error("y")],
    ["boxed numbers", Object(1), Object(2)],
    ["cycles", cycle(1), cycle(2)],
    ["functions", () => 1, () => 2],
    ["a map and its entries", new Map(), []],
  ];
  it.each(different)("tells %s apart", (_, a, b) => {
    expect(deepEqual(a, b)).toBe(false);
    expect(deepEqual(b, a)).toBe(false);
  });
});
