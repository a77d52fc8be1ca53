import { describe, expect, it } from "vitest";
import { creditsOf, delayOf, leaseOf, priorityOf } from "../../../src/stores/commands.ts";

describe("the numbers of commands", () => {
  it("are whole milliseconds for delays, never fewer than asked for", () => {
    const given = [undefined, 0, -5, Number.NaN, 0.2, 7, 7.5, Number.POSITIVE_INFINITY];
    expect(given.map(delayOf)).toEqual([0, 0, 0, 0, 1, 7, 8, 2 ** 46]);
  });

  it("are 0 for a lease without end, and at least 1 ms for all others", () => {
    expect([Number.POSITIVE_INFINITY, 60_000, 0, -1, Number.NaN].map(leaseOf)).toEqual([0, 60_000, 1, 1, 1]);
  });

  it("are any integers for priorities, and nothing else", () => {
    expect([undefined, 3, -3, -0].map(priorityOf)).toEqual([0, 3, -3, 0]);
    for (const odd of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => priorityOf(odd)).toThrow(RangeError);
    }
  });

  it("are whole credits, or all there can be", () => {
    expect([0, 5, Number.POSITIVE_INFINITY].map(creditsOf)).toEqual([0, 5, Number.MAX_SAFE_INTEGER]);
    for (const odd of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => creditsOf(odd)).toThrow(RangeError);
  });
});
