import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_SHAPES } from "../../../src/codec/shapes.ts";
import { CodecPair } from "./codec-pair.ts";
import { difference } from "./difference.ts";
import { graph, tree } from "./value-arbitrary.ts";

const broken: readonly ((shapeOf: object) => unknown)[] = [
  (known) => [known, known, { ...known, bad: Symbol("s") }],
  (known) => ({
    ...known,
    get bad(): never {
      throw new Error("getter");
    },
  }),
  (known) => [{ fresh: 1, ...known }, { fresh: 2, ...known }, (): void => {}],
  (known) => ({ deep: nest(300, known) }),
  (known) => [known, "x".repeat(200_000)],
  (known) => [new Uint8Array(30_000), known, new Uint8Array(90_000), new WeakMap()],
];

function nest(levels: number, inner: unknown): unknown {
  let value = inner;
  for (let n = 0; n < levels; n++) value = { nest: value };
  return value;
}

describe("one encoder and one decoder through a long conversation", () => {
  it("stay in step, whatever fails in between", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(tree, graph), fc.nat(broken.length * 2)), { maxLength: 30 }),
        (conversation) => {
          const pair = new CodecPair({ maxValueBytes: 100_000 });
          for (const [value, failing] of conversation) {
            const make = broken[failing];
            if (make)
              pair.refusal(make(typeof value === "object" && value !== null ? value : { plain: value }));
            expect(difference(pair.roundTrip(value), structuredClone(value))).toBeUndefined();
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("stay in step when a failure takes back the shapes that it defined", () => {
    const pair = new CodecPair();
    const first = { a: 1, b: 2 };
    pair.roundTrip(first);
    pair.refusal([first, { c: 1 }, { c: 2 }, Symbol("s")]);
    for (const value of [first, { c: 3 }, { c: 4 }, first, [{ d: 1 }, { d: 2 }, { d: 3 }]]) {
      expect(pair.roundTrip<unknown>(value)).toEqual(value);
    }
  });

  it("stay in step when a shared object makes the value be written twice", () => {
    const pair = new CodecPair();
    const shared = { s: 1 };
    const value = [{ k: 1, v: 1 }, { k: 2, v: 2 }, { k: 3, v: shared }, shared];
    for (let n = 0; n < 3; n++) expect(difference(pair.roundTrip(value), value)).toBeUndefined();
  });

  it("stay in step when a value changes while it is read", () => {
    const pair = new CodecPair();
    const growing: unknown[] = [];
    growing.push(
      {
        get now() {
          growing.push("late");
          return 1;
        },
      },
      2,
    );
    expect(pair.roundTrip(growing)).toEqual([{ now: 1 }, 2]);
    const shrinking: unknown[] = [];
    shrinking.push(
      {
        get now() {
          shrinking.length = 2;
          return 1;
        },
      },
      2,
      3,
      4,
    );
    expect(pair.roundTrip(shrinking)).toEqual([{ now: 1 }, 2]);
    const map = new Map<string, unknown>();
    map.set("a", {
      get now() {
        map.set("b", 1);
        return 1;
      },
    });
    expect(pair.roundTrip(map)).toEqual(new Map([["a", { now: 1 }]]));
    const object: Record<string, unknown> = {
      get a() {
        object["z"] = 1;
        delete object["b"];
        return 1;
      },
      b: 2,
    };
    expect(pair.roundTrip(object)).toEqual({ a: 1, b: undefined });
    expect(pair.roundTrip([{ a: 1 }, "in step"])).toEqual([{ a: 1 }, "in step"]);
  });

  it("use one shape for the objects that look alike, and forget none", () => {
    const pair = new CodecPair();
    const point = { latitude: 1, longitude: 2, altitude: 3 };
    const sizes = [1, 2, 3, 4].map(() => pair.encode(point).length);
    expect(sizes[0]).toBeGreaterThan(25);
    expect(sizes[2]).toBeLessThan(8);
    expect(sizes[3]).toBe(sizes[2]);
  });

  it("tell apart shapes of the same keys in another order, and of the same first key", () => {
    const pair = new CodecPair();
    const values = [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1, c: 2 }, { a: 1 }, { a: 1, b: 2, c: 3 }];
    for (let n = 0; n < 4; n++)
      for (const value of values) {
        expect(difference(pair.roundTrip<unknown>(value), value)).toBeUndefined();
      }
  });

  it("send more shapes than they number, as what they are", () => {
    const pair = new CodecPair();
    const objects = Array.from({ length: MAX_SHAPES * 8 }, (_, n) => ({ [`key${n}`]: n, same: 1 }));
    for (let round = 0; round < 3; round++) {
      for (const object of objects) expect(difference(pair.roundTrip(object), object)).toBeUndefined();
    }
    const again = Array.from({ length: 3 }, () => objects)
      .flat()
      .map((object) => ({ ...object }));
    expect(difference(pair.roundTrip(again), again)).toBeUndefined();
  });

  it("send objects with very many or very long keys, time and again", () => {
    const pair = new CodecPair();
    const wide = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, n]));
    const long = { ["x".repeat(257)]: 1 };
    const border = {
      ["y".repeat(256)]: 1,
      ...Object.fromEntries(Array.from({ length: 63 }, (_, n) => [`k${n}`, n])),
    };
    for (let n = 0; n < 4; n++)
      for (const value of [wide, long, border]) {
        expect(difference(pair.roundTrip<unknown>(value), value)).toBeUndefined();
      }
  });
});
