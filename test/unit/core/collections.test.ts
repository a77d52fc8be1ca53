import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkList } from "../../../src/core/chunk-list.ts";
import { Deferred, rejected } from "../../../src/core/deferred.ts";
import { DEFAULT_LIMITS, withLimits } from "../../../src/core/limits.ts";
import { RingBuffer } from "../../../src/core/ring-buffer.ts";

function compareStep(step: string, ring: RingBuffer<number>, line: number[]): void {
  if (step === "shift") expect(ring.shift()).toBe(line.shift());
  else if (step === "peek") expect(ring.peek()).toBe(line[0]);
  else if (step === "all") expect([...ring]).toEqual(line);
  else {
    ring.clear();
    line.length = 0;
  }
}

describe("a ring buffer", () => {
  it("behaves as an array used as a line", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(), fc.constantFrom("shift", "clear", "peek", "all")), { maxLength: 300 }),
        (steps) => {
          const ring = new RingBuffer<number>();
          const line: number[] = [];
          for (const step of steps) {
            if (typeof step === "number") {
              ring.push(step);
              line.push(step);
            } else compareStep(step, ring, line);
            expect(ring.size).toBe(line.length);
          }
        },
      ),
    );
  });

  it("keeps its order through growth and emptying, many times over", () => {
    const ring = new RingBuffer<number>();
    for (const size of [1, 8, 9, 1000, 5000, 3]) {
      for (let n = 0; n < size; n++) ring.push(n);
      for (let n = 0; n < size; n++) expect(ring.shift()).toBe(n);
      expect([ring.size, ring.shift(), ring.peek()]).toEqual([0, undefined, undefined]);
    }
  });
});

describe("a chunk list", () => {
  it("gives the bytes back in any portions, whatever the chunks were", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 2500, size: "max" })),
        fc.array(fc.nat(4000), { minLength: 1 }),
        (chunks, portions) => {
          const list = new ChunkList();
          for (const chunk of chunks) list.push(chunk);
          const all = Buffer.concat(chunks);
          expect(list.bytes).toBe(all.length);
          const got: Uint8Array[] = [];
          for (let n = 0; list.bytes > 0; n++)
            got.push(list.take(Math.min(list.bytes, 1 + (portions[n % portions.length] ?? 0))));
          expect(Buffer.compare(Buffer.concat(got), all)).toBe(0);
        },
      ),
    );
  });

  it("gives a chunk itself where just that is taken", () => {
    const list = new ChunkList();
    const [a, b] = [new Uint8Array(5000).fill(1), new Uint8Array(6000).fill(2)];
    list.push(a);
    list.push(b);
    expect([list.take(5000), list.take(6000)]).toEqual([a, b]);
    list.push(a);
    list.push(b);
    expect(list.take(5000)).toBe(a);
    expect(list.take(1000).buffer).toBe(b.buffer);
    expect(list.take(5000).buffer).toBe(b.buffer);
    expect(list.take(0)).toEqual(new Uint8Array(0));
  });

  it("never writes to the chunks it was given", () => {
    const list = new ChunkList();
    const whole = new Uint8Array(4096).map((_, n) => n);
    for (let at = 0; at < 100; at += 10) list.push(whole.subarray(at, at + 10));
    list.take(35)?.fill(0);
    expect(whole.slice(0, 100)).toEqual(new Uint8Array(100).map((_, n) => n));
    list.clear();
    expect(list.bytes).toBe(0);
  });
});

describe("a deferred", () => {
  it("settles its promise, and adopts another one", async () => {
    const deferred = new Deferred<number>();
    deferred.resolve(Promise.resolve(5));
    deferred.reject(new Error("too late"));
    expect(await deferred.promise).toBe(5);
    const failing = new Deferred<number>();
    failing.reject("no");
    await expect(failing.promise).rejects.toBe("no");
  });

  it("keeps many apart", async () => {
    const many = Array.from({ length: 100 }, () => new Deferred<number>());
    for (const [n, each] of many.entries()) each.resolve(n);
    expect(await Promise.all(many.map((each) => each.promise))).toEqual(many.map((_, n) => n));
  });

  it("does not end the process by a failure that nobody awaits", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listen);
    new Deferred<void>().reject(new Error("nobody listens"));
    void rejected(new Error("nobody listens here either"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", listen);
    expect(unhandled).toEqual([]);
  });
});

describe("limits", () => {
  it("take the defaults for all that is not given", () => {
    expect(withLimits()).toEqual(DEFAULT_LIMITS);
    expect(withLimits({ maxDepth: 7 })).toEqual({ ...DEFAULT_LIMITS, maxDepth: 7 });
    expect(Object.isFrozen(withLimits())).toBe(true);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", null, undefined])("refuse %s", (value) => {
    expect(() => withLimits({ maxValueBytes: value as number })).toThrow(
      /limits\.maxValueBytes must be a positive whole number/,
    );
  });

  it("refuse names that are none, also those that every object has", () => {
    for (const name of ["maxvaluebytes", "toString", "__proto__x"]) {
      expect(() => withLimits({ [name]: 5 })).toThrow(`there is no limit called ${name}`);
    }
  });
});
