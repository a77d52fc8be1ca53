import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FunctionCodec } from "../../../src/codec/function-codec.ts";
import { holdsFunction } from "../../../src/codec/function-free.ts";
import { ConnectorError } from "../../../src/core/errors.ts";
import { CodecPair } from "./codec-pair.ts";
import { graph, tree } from "./value-arbitrary.ts";

const codec: FunctionCodec = {
  write: (writer, fn) => writer.string(fn.name),
  read: (reader) => {
    reader.string();
    return () => undefined;
  },
};
const bytesOf = (value: unknown): Uint8Array => new CodecPair({ shapes: false }).encode(value, codec);
const MAX_DEPTH = 200;

function fn(): void {}

describe("looking for functions in the bytes of a value", () => {
  it("finds none where there is none", () => {
    fc.assert(
      fc.property(fc.oneof(tree, graph), (value) => {
        const pair = new CodecPair({ shapes: false });
        const bytes = pair.encode(value, codec);
        // What travels beside a message is no part of a plain value.
        fc.pre(pair.writer.attachments?.length === 0);
        expect(holdsFunction(bytes, MAX_DEPTH)).toBe(false);
      }),
    );
  });

  it("finds one wherever it is", () => {
    const wraps: ((value: unknown) => unknown)[] = [
      (value) => [1, value],
      (value) => ({ a: 1, b: value }),
      (value) => new Map([["key", value]]),
      (value) => new Map([[value, "value"]]),
      (value) => new Set([value]),
      (value) => Object.assign([], { 2: value }),
      (value) => Object.assign(new Error("text"), { own: [value] }),
      (value) => new Error("text", { cause: value }),
      (value) => {
        const cycle: { self?: unknown; value: unknown } = { value };
        cycle.self = cycle;
        return cycle;
      },
    ];
    fc.assert(
      fc.property(tree, fc.array(fc.constantFrom(...wraps), { maxLength: 6 }), (beside, chosen) => {
        const value = chosen.reduce<unknown>((inner, wrap) => wrap(inner), fn);
        expect(holdsFunction(bytesOf(value), MAX_DEPTH)).toBe(true);
        expect(holdsFunction(bytesOf([beside, value]), MAX_DEPTH)).toBe(true);
      }),
    );
  });

  it("finds every one that a reader of the same bytes would meet, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, at) => {
        const hostile = Uint8Array.from([...bytes.slice(0, at), 0xc1, 0x0c, 0xa0, ...bytes.slice(at)]);
        let met = 0;
        const counting: FunctionCodec = {
          ...codec,
          read(reader) {
            met++;
            return codec.read(reader);
          },
        };
        try {
          new CodecPair({ shapes: false }).decode(hostile, counting);
        } catch {
          // A reader may meet a function before it finds that the rest is no value.
        }
        let found: boolean | undefined;
        try {
          found = holdsFunction(hostile, MAX_DEPTH);
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectorError);
        }
        if (met > 0) expect(found).toBe(true);
      }),
    );
  });

  it("throws a CodecError or LimitError for bytes that are no value", () => {
    for (const bytes of [[], [0xc1, 0x7f], [0x92, 1], Array(300).fill(0x91)]) {
      expect(() => holdsFunction(Uint8Array.from(bytes), MAX_DEPTH)).toThrow(ConnectorError);
    }
  });
});
