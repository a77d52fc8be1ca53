import { describe, expect, it } from "vitest";
import { BytePages } from "../../../src/core/byte-pages.ts";
import { HeldMemory } from "../../../src/core/held-memory.ts";

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

describe("BytePages", () => {
  it("gives copies that share memory and do not touch", () => {
    const pages = new BytePages();
    const copies = Array.from({ length: 500 }, (_, n) => pages.copy(filled(n, n % 251), 0, n));
    for (const [n, copy] of copies.entries()) expect(copy).toEqual(filled(n, n % 251));
    expect(new Set(copies.map(({ buffer }) => buffer)).size).toBeLessThan(20);
  });

  it("copies a part", () => {
    const source = Uint8Array.from({ length: 200 }, (_, n) => n);
    const pages = new BytePages();
    expect(pages.copy(source, 3, 6)).toEqual(new Uint8Array([3, 4, 5]));
    expect(pages.copy(source, 10, 200)).toEqual(source.slice(10));
    expect(pages.copy(source, 7, 7)).toHaveLength(0);
  });

  it("takes little memory for few values, and gives a long one its own", () => {
    const pages = new BytePages();
    expect(pages.copy(filled(10, 1), 0, 10).buffer.byteLength).toBeLessThan(1024);
    expect(pages.copy(filled(50_000, 1), 0, 50_000).buffer.byteLength).toBe(50_000);
  });
});

/** A dict of one-byte values, as whoever keeps values uses the class. */
class Kept {
  readonly values = new Map<string, Uint8Array>();
  readonly #memory = new HeldMemory();
  moves = 0;

  put(key: string, bytes: Uint8Array): void {
    this.values.set(key, bytes);
    if (!this.#memory.hold(bytes)) return;
    const moved = this.#memory.move(this.values.values());
    if (!moved) return;
    this.moves++;
    for (const [each, value] of this.values) this.values.set(each, moved(value));
  }

  /** All memory that the values hold. */
  get heldBytes(): number {
    const buffers = new Set(Array.from(this.values.values(), ({ buffer }) => buffer));
    return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

describe("HeldMemory", () => {
  it("holds little more than is alive, however the values came", () => {
    const kept = new Kept();
    for (let n = 0; n < 2000; n++) {
      const chunk = filled(64 * 1024, n % 256);
      kept.put(`key ${n % 300}`, chunk.subarray(n, n + 1));
      expect(kept.heldBytes).toBeLessThan(200 * 1024);
    }
    for (let n = 1700; n < 2000; n++) expect(kept.values.get(`key ${n % 300}`)).toEqual(filled(1, n % 256));
  });

  it("does not move what fills the memory that it holds", () => {
    const kept = new Kept();
    const chunk = filled(64 * 1024, 7);
    for (let n = 0; n < 640; n++) kept.put(`key ${n}`, chunk.subarray(n * 100, n * 100 + 100));
    expect(kept.moves).toBeLessThan(3);
    const many = new Kept();
    for (let n = 0; n < 5000; n++) many.put(`key ${n}`, filled(100, n));
    expect(many.moves).toBe(0);
  });

  it("moves once for what came together, not for each part of it", () => {
    const kept = new Kept();
    for (let round = 0; round < 20; round++) {
      const chunk = filled(64 * 1024, round);
      for (let n = 0; n < 600; n++) kept.put(`key ${n % 10}`, chunk.subarray(n * 100, n * 100 + 100));
    }
    expect(kept.moves).toBeLessThanOrEqual(20);
  });
});
