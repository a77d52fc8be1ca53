import { describe, expect, it } from "vitest";
import { ValueDecoder } from "../../../src/codec/value-decoder.ts";
import { ValueEncoder } from "../../../src/codec/value-encoder.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { DictValue } from "../../../src/dict/dict-value.ts";

const codec = { decoder: new ValueDecoder({ maxDepth: 200, shapes: false }), functions: undefined };
const encoder = new ValueEncoder({ maxDepth: 200, maxValueBytes: 1e6, shapes: false });

function dictValue(value: unknown): DictValue {
  const writer = new ByteWriter();
  encoder.encode(writer, value);
  return new DictValue(writer.bytes.slice(0, writer.position));
}

/** What reading gives; written to as a program without types would. */
// biome-ignore lint/suspicious/noExplicitAny: the point is what happens at run time
const read = (value: unknown): any => dictValue(value).read(codec);

describe("a value in a dict", () => {
  it("is decoded once, and is the same object each time", () => {
    const value = dictValue({ list: [1] });
    expect(value.read(codec)).toBe(value.read(codec));
    expect(value.read(codec)).toEqual({ list: [1] });
  });

  it("is frozen through and through", () => {
    const value = read({ list: [{ a: 1 }], map: new Map([["k", { b: 1 }]]), set: new Set([[1]]) });
    expect(() => value.list.push(1)).toThrow(TypeError);
    expect(() => {
      value.list[0].a = 2;
    }).toThrow(TypeError);
    expect(() => {
      value.other = 2;
    }).toThrow(TypeError);
    expect(() => {
      delete value.list;
    }).toThrow(TypeError);
    expect(() => {
      value.map.get("k").b = 2;
    }).toThrow(TypeError);
    expect(() => [...value.set][0].push(2)).toThrow(TypeError);
    expect(value).toEqual({ list: [{ a: 1 }], map: new Map([["k", { b: 1 }]]), set: new Set([[1]]) });
  });

  it("refuses to be changed by the methods of Map, Set and Date, and says what to do instead", () => {
    const value = read({ map: new Map([[1, 2]]), set: new Set([1]), date: new Date(5) });
    const changes = [
      () => value.map.set(1, 3),
      () => value.map.delete(1),
      () => value.map.clear(),
      () => value.set.add(2),
      () => value.set.delete(1),
      () => value.set.clear(),
      () => value.date.setTime(6),
      () => value.date.setUTCFullYear(1),
      () => value.date.setHours(1),
    ];
    for (const change of changes) expect(change).toThrow("mutate");
    expect(value.map.get(1)).toBe(2);
    expect(value.set.has(1)).toBe(true);
    expect(value.date.getTime()).toBe(5);
    expect(Object.keys(value.map)).toEqual([]);
    expect(structuredClone(value)).toEqual({ map: new Map([[1, 2]]), set: new Set([1]), date: new Date(5) });
  });

  it("may be cyclic", () => {
    const cyclic: Record<string, unknown> = { name: "a" };
    cyclic["self"] = cyclic;
    const value = read(cyclic);
    expect(value.self).toBe(value);
    expect(Object.isFrozen(value)).toBe(true);
  });

  it("freezes errors, with their causes", () => {
    const value = read(new Error("a", { cause: { b: 1 } }));
    expect(value.message).toBe("a");
    expect(() => {
      value.cause.b = 2;
    }).toThrow(TypeError);
  });

  const unfreezable: readonly (readonly [string, () => unknown])[] = [
    ["bytes", () => new Uint8Array([1, 2, 3])],
    ["a typed array inside an object", () => ({ numbers: new Float64Array([1]) })],
    ["an ArrayBuffer inside a map", () => new Map([["x", new Uint8Array([1]).buffer]])],
    ["a DataView inside a set", () => new Set([new DataView(new ArrayBuffer(2))])],
    ["a regular expression that keeps its place", () => /a/g],
  ];
  it.each(unfreezable)("is a new copy each time when it holds %s", (_, make) => {
    const value = dictValue(make());
    const first = value.read(codec);
    expect(value.read(codec)).not.toBe(first);
    expect(value.read(codec)).toEqual(make());
  });

  it("is not changed by who writes to a copy of its bytes", () => {
    const value = dictValue({ bytes: new Uint8Array([1, 2]) });
    (value.read(codec) as { bytes: Uint8Array }).bytes[0] = 99;
    expect(value.read(codec)).toEqual({ bytes: new Uint8Array([1, 2]) });
  });

  it("can still match with a regular expression, which writes to itself", () => {
    expect("banana".replace(read(/a/g), "o")).toBe("bonono");
    expect(read(/b/).test("banana")).toBe(true);
  });

  it("gives a copy to edit", () => {
    const value = dictValue({ list: [1] });
    const copy = value.copy(codec) as { list: number[] };
    copy.list.push(2);
    expect(value.read(codec)).toEqual({ list: [1] });
  });

  it("is the same as another one of the same bytes", () => {
    expect(dictValue([1]).isSame(dictValue([1]))).toBe(true);
    expect(dictValue([1]).isSame(dictValue([2]))).toBe(false);
    expect(dictValue([1]).isSame(dictValue([1, 2]))).toBe(false);
    expect(dictValue(1).isSame(new DictValue(undefined))).toBe(false);
    expect(dictValue(1).isSame(undefined)).toBe(false);
  });
});
