import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { FunctionCodec } from "../../../src/codec/function-codec.ts";
import { CodecError, LimitError } from "../../../src/core/errors.ts";
import { CodecPair, decodeBytes } from "./codec-pair.ts";
import { difference } from "./difference.ts";

function* generator(): Generator<number> {
  yield 1;
}

async function* asyncGenerator(): AsyncGenerator<number> {
  yield 1;
}

const local: Record<string, () => unknown> = {
  "a symbol": () => Symbol("s"),
  "a boxed symbol": () => Object(Symbol("s")),
  "a function": () => (): void => {},
  "a class": () => class {},
  "a WeakMap": () => new WeakMap(),
  "a WeakSet": () => new WeakSet(),
  "a WeakRef": () => new WeakRef({}),
  "a FinalizationRegistry": () => new FinalizationRegistry(() => {}),
  "a promise": () => Promise.resolve(1),
  "a thenable": () =>
    new (class {
      // biome-ignore lint/suspicious/noThenProperty: what is tested
      then(): void {}
    })(),
  "a generator": () => generator(),
  "an async generator": () => asyncGenerator(),
  "an iterator": () => [1][Symbol.iterator](),
  "a map's iterator": () => new Map().keys(),
  "an emitter": () => new EventEmitter(),
  "a socket": () => new Socket(),
  "a stream": () => Readable.from([]),
  "an abort signal": () => new AbortController().signal,
  "an abort signal that has aborted": () => AbortSignal.abort("why"),
  "an abort controller": () => new AbortController(),
  "an event target": () => new EventTarget(),
  "shared memory": () => new SharedArrayBuffer(8),
  "a detached ArrayBuffer": () => {
    const buffer = new ArrayBuffer(8);
    structuredClone(buffer, { transfer: [buffer] });
    return buffer;
  },
};

describe("what cannot travel", () => {
  it.each(Object.keys(local))("refuses %s, and names its place", (name) => {
    const pair = new CodecPair();
    const value = {
      jobs: [{ before: { deep: 1 } }, 2, { x: 1 }, { first: [1, { y: 2 }], socket: local[name]?.() }],
    };
    const error = pair.refusal(value);
    expect(error).toBeInstanceOf(CodecError);
    expect([error.code, error.details["path"]]).toEqual(["CNR_ERR_UNSENDABLE", "value.jobs[3].socket"]);
    expect(error.message).toContain("value.jobs[3].socket cannot be sent: ");
    expect(pair.pathOfRefusal(local[name]?.())).toBe("value");
  });

  it("names keys of any kind", () => {
    const pair = new CodecPair();
    const bad = Symbol("bad");
    expect(pair.pathOfRefusal({ "two words": { $ok_1: [[bad]] } })).toBe('value["two words"].$ok_1[0][0]');
    expect(pair.pathOfRefusal({ "": bad })).toBe('value[""]');
    expect(pair.pathOfRefusal(new Map([["name", [bad]]]))).toBe("value.name[0]");
    expect(
      pair.pathOfRefusal(
        new Map<unknown, unknown>([
          [1, 1],
          [{}, bad],
        ]),
      ),
    ).toBe('value["entry 1"]');
    expect(
      pair.pathOfRefusal(
        new Map<unknown, unknown>([
          [1, 1],
          [{ in: bad }, 1],
        ]),
      ),
    ).toBe('value["key 1"].in');
    expect(pair.pathOfRefusal(new Set([1, [bad]]))).toBe("value[1][0]");
    expect(pair.pathOfRefusal(new Error("a", { cause: { why: bad } }))).toBe("value.cause.why");
    expect(pair.pathOfRefusal(new AggregateError([1, { x: bad }]))).toBe("value.errors[1].x");
    expect(pair.pathOfRefusal(Object.assign(new Error("a"), { context: [bad] }))).toBe("value.context[0]");
    const sparse: unknown[] = [];
    sparse[7] = { x: bad };
    expect(pair.pathOfRefusal(sparse)).toBe("value[7].x");
    const shared = {};
    expect(pair.pathOfRefusal([shared, shared, { x: new WeakMap() }])).toBe("value[2].x");
  });

  it("names the place of a getter, a proxy or a valueOf that fails, and keeps its error as the cause", () => {
    const pair = new CodecPair();
    const reason = new RangeError("not now");
    const broken = {
      get value(): never {
        throw reason;
      },
    };
    const error = pair.refusal({ list: [0, broken] });
    expect([error.details["path"], error.cause]).toEqual(["value.list[1].value", reason]);
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw reason;
        },
      },
    );
    expect(pair.pathOfRefusal([{ a: 1 }, { b: proxy }])).toBe("value[1].b");
    class Odd extends Number {
      override valueOf(): number {
        return {} as number;
      }
    }
    expect(pair.pathOfRefusal({ n: new Odd(1) })).toBe("value.n");
  });

  it("hands functions to whoever carries them, with their place", () => {
    const paths: string[] = [];
    const fn = (): void => {};
    const functions: FunctionCodec = {
      write(writer, _fn, path) {
        paths.push(path);
        writer.uint(7);
      },
      read(reader) {
        return reader.uint() === 7 ? fn : (): void => {};
      },
    };
    const pair = new CodecPair();
    const got = pair.roundTrip({ a: [1, fn], b: fn }, functions);
    expect(paths).toEqual(["value.a[1]", "value.b"]);
    expect(difference(got, { a: [1, fn], b: fn })).toBeUndefined();
    const bytes = pair.encode(fn, functions);
    expect(() => pair.decode(bytes)).toThrow(CodecError);
    expect(pair.refusal(fn).code).toBe("CNR_ERR_UNSENDABLE");
  });

  it("refuses to encode a value from inside another one's getter", () => {
    const pair = new CodecPair();
    const value = {
      get nested(): number {
        pair.encode(1);
        return 1;
      },
    };
    expect(pair.refusal(value).code).toBe("CNR_ERR_UNSENDABLE");
    expect(pair.roundTrip([1])).toEqual([1]);
  });
});

describe("limits of a value", () => {
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let n = 0; n < depth; n++) value = n % 2 ? [value] : { a: value };
    return value;
  };

  it("takes what is as deep as the limit, and refuses one level more on the sender's side", () => {
    const pair = new CodecPair({ maxDepth: 20 });
    expect(pair.roundTrip(nested(20))).toEqual(nested(20));
    const error = pair.refusal(nested(21));
    expect(error).toBeInstanceOf(LimitError);
    expect([error.code, error.details]).toEqual(["CNR_ERR_TOO_DEEP", { max: 20 }]);
  });

  it("counts every kind of container as a level, alike on both sides", () => {
    const wrap: ((inner: unknown) => unknown)[] = [
      (inner) => [inner],
      (inner) => ({ inner }),
      (inner) => new Map([[1, inner]]),
      (inner) => new Map([[inner, 1]]),
      (inner) => new Set([inner]),
      (inner) => new Error("e", { cause: inner }),
      (inner) => Object.assign([], { 1: inner }),
    ];
    for (const each of wrap) {
      let value: unknown = 1;
      for (let n = 0; n < 10; n++) value = each(value);
      const pair = new CodecPair({ maxDepth: 10, shapes: false });
      const bytes = pair.encode(value);
      expect(difference(pair.decode(bytes), value)).toBeUndefined();
      expect(pair.refusal([value]).code).toBe("CNR_ERR_TOO_DEEP");
      expect(() => decodeBytes(bytes, { maxDepth: 9 })).toThrow(/nested more than 9 levels/);
    }
  });

  it("refuses a value that is nested a hundred thousand levels deep, on both sides", () => {
    const pair = new CodecPair();
    expect(pair.refusal(nested(100_000)).code).toBe("CNR_ERR_TOO_DEEP");
    for (const opening of [
      [0x91],
      [0x81, 0xa0],
      [0xc1, 0x05, 0x01],
      [0xc1, 0x04, 0x01],
      [0xc1, 0x0a],
      [0xc1, 0x0e],
    ]) {
      const bytes = Array.from({ length: 100_000 }, () => opening).flat();
      expect(() => decodeBytes(bytes)).toThrow(/nested more than 200|graph inside/);
    }
  });

  it("refuses what is larger than the limit, with size, limit and option", () => {
    const pair = new CodecPair({ maxValueBytes: 10_000 });
    expect(pair.roundTrip("x".repeat(9_990)).length).toBe(9_990);
    for (const value of [
      "x".repeat(10_001),
      ["x".repeat(6_000), "y".repeat(6_000)],
      new Uint8Array(10_000),
      new Uint8Array(20_000),
      [new Uint8Array(5_000), new Uint8Array(5_000)],
      Array.from({ length: 9_000 }, () => ({ a: 1 })),
      Array.from({ length: 11_000 }, () => 1),
      new Map([["k", "z".repeat(10_000)]]),
    ]) {
      const error = pair.refusal(value);
      expect(error).toBeInstanceOf(LimitError);
      expect([error.code, error.details["max"], error.details["option"]]).toEqual([
        "CNR_ERR_VALUE_TOO_LARGE",
        10_000,
        "maxValueBytes",
      ]);
      expect(error.details["bytes"]).toBeGreaterThan(10_000);
    }
  });

  it("stops long before a value that is far over the limit is written out", () => {
    const pair = new CodecPair({ maxValueBytes: 100_000 });
    const numbers = Array.from({ length: 5_000_000 }, () => 0.5);
    expect(pair.refusal({ numbers }).code).toBe("CNR_ERR_VALUE_TOO_LARGE");
    expect(pair.refusal(Array.from({ length: 5_000 }, () => "t".repeat(10_000))).code).toBe(
      "CNR_ERR_VALUE_TOO_LARGE",
    );
    expect(pair.writer.bytes.length).toBeLessThan(2_000_000);
  });
});
