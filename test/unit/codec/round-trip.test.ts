import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodecPair } from "./codec-pair.ts";
import { difference } from "./difference.ts";
import { graph, tree } from "./value-arbitrary.ts";

class Point {
  x = 1;
  #hidden = 2;
  get sum(): number {
    return this.x + this.#hidden;
  }
}

const views = [
  new Int8Array([-1, 2]),
  new Uint8Array([1, 255]),
  new Uint8ClampedArray([1, 255]),
  new Int16Array([-1, 300]),
  new Uint16Array([1, 65_535]),
  new Int32Array([-1, 2 ** 31 - 1]),
  new Uint32Array([1, 2 ** 32 - 1]),
  new Float32Array([1.5, Number.NaN, -0]),
  new Float64Array([1.1, Number.POSITIVE_INFINITY]),
  new BigInt64Array([-1n, 2n ** 62n]),
  new BigUint64Array([1n, 2n ** 64n - 1n]),
];

const holes: unknown[] = [1, undefined];
holes[5] = "end";
const onlyHoles: unknown[] = [];
onlyHoles.length = 7;

const values: Record<string, unknown> = {
  null: null,
  undefined: undefined,
  true: true,
  false: false,
  "minus zero": -0,
  NaN: Number.NaN,
  infinities: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  "the smallest and the largest number": [Number.MIN_VALUE, Number.MAX_VALUE, Number.EPSILON],
  fractions: [0.1, -2.5, 1e21, 1e-7, 2 ** 53 + 2],
  "an empty string": "",
  "strings of every header": [
    "a".repeat(31),
    "b".repeat(32),
    "c".repeat(255),
    "d".repeat(256),
    "e".repeat(65_536),
  ],
  "strings whose bytes need a longer header": ["é".repeat(31), "€".repeat(100), "😀".repeat(16_000)],
  "text that is no ASCII": "Grüße, 世界, 😀, \u0000, \ufeff, \uffff",
  "lone surrogates": ["\ud800", "a\udc00b", `${"x".repeat(30)}\ud83d`, "\udc00\ud800"],
  bigints: [0n, 1n, -1n, 2n ** 63n, -(2n ** 64n), 10n ** 5000n, -(3n ** 9999n)],
  "an empty object": {},
  "an empty array": [],
  "an object in an object": { a: { b: { c: [1, { d: null }] } } },
  "an array with holes": holes,
  "an array of holes": onlyHoles,
  "holes inside": { list: [holes, { a: onlyHoles }] },
  "undefined inside": { a: undefined, b: [undefined, null] },
  "keys that are only data": JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":2,"prototype":3,"toString":4}',
  ),
  "keys that look like indexes": { b: 1, 7: 2, a: 3, 0: 4 },
  "keys with lone surrogates": { "\ud800": 1, "a\udc00": { "": 2 } },
  maps: [
    new Map(),
    new Map<unknown, unknown>([
      [1, "one"],
      ["1", "text"],
      [{ k: 1 }, [2]],
      [Number.NaN, -0],
    ]),
  ],
  sets: [new Set(), new Set([1, "1", null, undefined, Number.NaN])],
  "maps and sets inside each other": new Map([
    [new Set([new Map([["a", new Set([1])]])]), new Map([[[], {}]])],
  ]),
  dates: [new Date(0), new Date(1_700_000_000_123), new Date(-1), new Date(8.64e15), new Date(Number.NaN)],
  "regular expressions": [/a\/b[\]/]+/giu, /(?<year>\d{4})/dsy, /(?:)/],
  "boxed primitives": [Object(1), Object(-0), Object("text"), Object(false), Object(10n ** 30n)],
  "typed arrays": views,
  "empty binaries": [
    new Uint8Array(0),
    new Float64Array(0),
    new ArrayBuffer(0),
    new DataView(new ArrayBuffer(0)),
  ],
  "a view on a part": new Float64Array(new Float64Array([1, 2, 3, 4]).buffer, 8, 2),
  "a DataView on a part": new DataView(new Uint8Array([0, 1, 2, 3, 4]).buffer, 1, 3),
  "an ArrayBuffer": new Uint8Array([1, 2, 3]).buffer,
  "binaries of every header": [255, 256, 16_383, 16_384, 65_536, 300_001].map((length) =>
    new Uint8Array(length).fill(7),
  ),
  "large binaries of every kind": views.map(
    (view) => new (view.constructor as Uint8ArrayConstructor)(20_000),
  ),
  "a large ArrayBuffer": new ArrayBuffer(100_000),
  "a wide array": Array.from({ length: 70_000 }, (_, n) => n),
  "a wide object": Object.fromEntries(Array.from({ length: 66_000 }, (_, n) => [`key ${n}`, n])),
};

describe.each([
  ["with shapes", true],
  ["without shapes", false],
])("the round trip %s", (_, shapes) => {
  it.each(Object.keys(values))("keeps %s", (name) => {
    const pair = new CodecPair({ shapes });
    // Three times: unknown, then defined, then known by their number are three ways to write an object's keys.
    for (let n = 0; n < 3; n++) {
      const got = pair.roundTrip(values[name]);
      expect(difference(got, structuredClone(values[name]))).toBeUndefined();
    }
  });

  it("keeps whole numbers at every border of every width", () => {
    const numbers = [0, 1, 23, 31, 32, 33];
    for (const power of [4, 5, 6, 7, 8, 15, 16, 24, 30, 31, 32, 33, 40, 48, 52, 53]) {
      for (const offset of [-2, -1, 0, 1, 2]) numbers.push(2 ** power + offset);
    }
    const all = [...numbers, ...numbers.map((number) => -number)];
    expect(difference(new CodecPair({ shapes }).roundTrip(all), all)).toBeUndefined();
  });

  it("gives a class's instance as a plain object of its own fields", () => {
    const got = new CodecPair({ shapes }).roundTrip<unknown>({ point: new Point() });
    expect(difference(got, { point: { x: 1 } })).toBeUndefined();
  });

  it("gives an object without a prototype as a plain one", () => {
    const got = new CodecPair({ shapes }).roundTrip(Object.assign(Object.create(null), { a: 1 }));
    expect(difference(got, { a: 1 })).toBeUndefined();
  });

  it("gives a subclass of a built-in as the built-in", () => {
    class Registry extends Map<string, number> {
      extra = 1;
    }
    const got = new CodecPair({ shapes }).roundTrip<unknown>(new Registry([["a", 1]]));
    expect(difference(got, new Map([["a", 1]]))).toBeUndefined();
  });

  it("gives a Buffer as a Uint8Array with memory of its own", () => {
    const pool = Buffer.from("hello");
    const got = new CodecPair({ shapes }).roundTrip<Uint8Array>(pool);
    expect(Object.getPrototypeOf(got)).toBe(Uint8Array.prototype);
    expect(got.buffer.byteLength).toBe(5);
    expect(new TextDecoder().decode(got)).toBe("hello");
  });

  it("leaves out symbols as keys, and what is not enumerable", () => {
    const value = Object.defineProperty({ [Symbol("s")]: 1, a: 2 }, "hidden", { value: 3 });
    expect(difference(new CodecPair({ shapes }).roundTrip(value), { a: 2 })).toBeUndefined();
  });

  it("reads a getter's value", () => {
    const value = {
      get now(): number {
        return 5;
      },
    };
    expect(difference(new CodecPair({ shapes }).roundTrip(value), { now: 5 })).toBeUndefined();
  });

  it("keeps what a decoded object says apart from what objects inherit", () => {
    const got = new CodecPair({ shapes }).roundTrip(JSON.parse('{"__proto__":{"isAdmin":true}}')) as object;
    expect(Object.getPrototypeOf(got)).toBe(Object.prototype);
    expect("isAdmin" in got).toBe(false);
    expect(Object.keys(got)).toEqual(["__proto__"]);
  });

  it("gives any tree of values as the structured clone algorithm does", () => {
    const pair = new CodecPair({ shapes });
    fc.assert(
      fc.property(tree, (value) => {
        expect(difference(pair.roundTrip(value), structuredClone(value))).toBeUndefined();
      }),
      { numRuns: 600 },
    );
  });

  it("gives any graph, with its cycles and shared places, as the structured clone algorithm does", () => {
    const pair = new CodecPair({ shapes });
    fc.assert(
      fc.property(graph, (value) => {
        expect(difference(pair.roundTrip(value), structuredClone(value))).toBeUndefined();
      }),
      { numRuns: 600 },
    );
  });

  it("takes few bytes for a sparse array, and little memory", () => {
    const wide: unknown[] = [];
    wide[4_000_000_000] = "last";
    wide[3] = "first";
    const pair = new CodecPair({ shapes });
    const bytes = pair.encode(wide);
    expect(bytes.length).toBeLessThan(60);
    const got = pair.decode(bytes) as unknown[];
    expect(got.length).toBe(4_000_000_001);
    expect(Object.entries(got)).toEqual([
      ["3", "first"],
      ["4000000000", "last"],
    ]);
  });
});

describe("cycles and shared places", () => {
  const pair = new CodecPair();

  it("keeps a cycle through every kind of container", () => {
    const object: Record<string, unknown> = {};
    const array: unknown[] = [object];
    const map = new Map<unknown, unknown>([["array", array]]);
    const set = new Set<unknown>([map]);
    const error = Object.assign(new Error("e", { cause: set }), { own: object });
    const keyed = new Map<unknown, unknown>([[error, 1]]);
    const sparse: unknown[] = [];
    sparse[3] = keyed;
    object["self"] = object;
    object["all"] = sparse;
    keyed.set(keyed, keyed);
    set.add(set);
    map.set(map, object);
    const got = pair.roundTrip(object);
    expect(difference(got, object)).toBeUndefined();
    expect(got["self"]).toBe(got);
  });

  it("keeps places that share one object, of every kind that can be shared", () => {
    const shared = [
      new Date(1),
      /x/,
      new Uint8Array([1]),
      new Uint8Array(50_000),
      new Float64Array(2),
      new ArrayBuffer(3),
      Object(1),
    ];
    for (const each of [...shared, {}, [], new Map(), new Set(), new Error("e"), new AggregateError([])]) {
      const got = pair.roundTrip<unknown[]>([{ a: each }, each, new Map([[each, each]])]);
      expect(difference(got, [{ a: each }, each, new Map([[each, each]])])).toBeUndefined();
    }
  });

  it("gives two equal objects as two", () => {
    const [a, b] = pair.roundTrip([{ x: 1 }, { x: 1 }]);
    expect(a).toEqual(b);
    expect(a).not.toBe(b);
  });

  it("keeps sharing among many containers", () => {
    const many = Array.from({ length: 500 }, (_, n) => ({ n }));
    const got = pair.roundTrip([...many, ...many]);
    expect(got[499]).toBe(got[999]);
    expect(got[0]).toBe(got[500]);
    expect(new Set(got).size).toBe(500);
  });
});
