import { describe, expect, it } from "vitest";
import { DedupeWindow } from "../../../src/stores/dedupe-window.ts";

describe("DedupeWindow", () => {
  it("remembers an id for two minutes, for its queue alone", () => {
    const window = new DedupeWindow();
    window.add("q", "1", 1000);
    expect([window.has("q", "1"), window.has("q", "2"), window.has("r", "1")]).toEqual([true, false, false]);
    window.expire(120_999);
    expect(window.has("q", "1")).toBe(true);
    window.expire(121_000);
    expect(window.has("q", "1")).toBe(false);
  });

  it("tells apart names and ids that read alike when put together", () => {
    const window = new DedupeWindow();
    window.add("ab", "c", 0);
    window.add("1", "1:x", 0);
    expect([window.has("a", "bc"), window.has("abc", ""), window.has("1:1", "x")]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("needs to be woken once, when the last id ends", () => {
    const window = new DedupeWindow();
    expect(window.emptyAtMs).toBeUndefined();
    for (const [n, nowMs] of [0, 10, 20].entries()) window.add("q", String(n), nowMs);
    expect(window.emptyAtMs).toBe(120_020);
    window.expire(120_010);
    expect([...window.entries()]).toEqual([["1:q2", 120_020]]);
    window.expire(120_020);
    expect(window.emptyAtMs).toBeUndefined();
  });
});
