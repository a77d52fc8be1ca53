const shared = { s: 1 };
const holes: unknown[] = [1];
holes[3] = 2;

function withoutStack<E extends Error>(error: E): E {
  error.stack = "";
  return error;
}

/** One of each form that a value has on the wire. */
export const goldenValues: Readonly<Record<string, unknown>> = {
  null: null,
  undefined: undefined,
  "true and false": [true, false],
  "small numbers": [0, 127, -1, -32],
  "whole numbers": [128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1],
  "negative numbers": [-33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1],
  floats: [0.5, -0, Number.NaN, Number.POSITIVE_INFINITY],
  texts: ["", "abc", "é😀", "x".repeat(40)],
  "a lone surrogate": "a\ud800",
  "an object": { a: 1, b: "two" },
  "a shape": [{ a: 1 }, { a: 2 }, { a: 3 }],
  "a long array": new Array(16).fill(0),
  "holes in an array": holes,
  date: new Date(1_700_000_000_000),
  bigints: [0n, 255n, -(2n ** 64n)],
  "regular expression": /a+/gi,
  map: new Map<unknown, unknown>([["a", 1]]),
  set: new Set([1, 2]),
  error: withoutStack(Object.assign(new TypeError("bad", { cause: 1 }), { code: "E" })),
  "aggregate error": withoutStack(new AggregateError([1], "all")),
  bytes: new Uint8Array([1, 2, 3]),
  "large bytes": new Uint8Array(16_384),
  "array buffer": new Uint8Array([1, 2]).buffer,
  "typed arrays": [
    new Int8Array(1),
    new Uint8ClampedArray(1),
    new Int16Array(1),
    new Uint16Array(1),
    new Int32Array(1),
    new Uint32Array(1),
    new Float32Array(1),
    new Float64Array([1.5]),
    new BigInt64Array(1),
    new BigUint64Array(1),
    new DataView(new ArrayBuffer(1)),
  ],
  boxed: [Object(1), Object("s"), Object(true), Object(1n)],
  "a shared object": [shared, shared],
};
