import { describe, expect, it } from "vitest";
import { type Change, ChangeFeed, type HistoryLimits } from "../../../src/stores/change-feed.ts";
import { Replica, set } from "../../conformance/store-harness.ts";

const EPOCH = "e";
const fail = (error: unknown): never => {
  throw error;
};
const record = (feed: ChangeFeed, rev: number, value = "x"): Change =>
  feed.record(rev, [set("k", value)], "o");
const at = (rev: number): { epoch: string; rev: number } => ({ epoch: EPOCH, rev });

/** A feed that has recorded changes 1 to `newest`. */
function feedOf(limits: HistoryLimits, newest: number, value?: string): ChangeFeed {
  const feed = new ChangeFeed(limits, fail);
  for (let rev = 1; rev <= newest; rev++) record(feed, rev, value);
  return feed;
}

/** From which revisions a subscriber can go on. */
function resumable(feed: ChangeFeed, newest: number): number[] {
  const revs: number[] = [];
  for (let rev = 0; rev <= newest + 1; rev++) {
    const replica = new Replica();
    feed.subscribe(at(rev), at(newest), [], replica);
    if (replica.resets > 0) continue;
    expect(replica.revs).toEqual(Array.from({ length: newest - rev }, (_, n) => rev + 1 + n));
    revs.push(rev);
  }
  return revs;
}

describe("ChangeFeed", () => {
  it("keeps so many changes", () => {
    const limits = { maxChanges: 4, maxBytes: 1e6 };
    expect(resumable(feedOf(limits, 3), 3)).toEqual([0, 1, 2, 3]);
    expect(resumable(feedOf(limits, 10), 10)).toEqual([6, 7, 8, 9, 10]);
  });

  it("keeps so many bytes, and nothing when one change is larger", () => {
    const limits = { maxChanges: 1000, maxBytes: 10_000 };
    expect(resumable(feedOf(limits, 10, "x".repeat(3000)), 10)).toEqual([7, 8, 9, 10]);
    const feed = feedOf(limits, 9);
    record(feed, 10, "x".repeat(10_000));
    expect(resumable(feed, 10)).toEqual([10]);
  });

  it("counts the memory that a value holds once for values that share it", () => {
    const limits = { maxChanges: 1000, maxBytes: 100_000 };
    const together = new Uint8Array(20_000);
    const shared = new ChangeFeed(limits, fail);
    const apart = new ChangeFeed(limits, fail);
    for (let rev = 1; rev <= 20; rev++) {
      shared.record(rev, [{ kind: "set", key: "k", value: together.subarray(rev, rev + 1) }], "o");
      apart.record(rev, [{ kind: "set", key: "k", value: new Uint8Array(20_000).subarray(0, 1) }], "o");
    }
    expect(resumable(shared, 20)).toHaveLength(21);
    expect(resumable(apart, 20)).toEqual([16, 17, 18, 19, 20]);
  });

  it("keeps nothing when told so", () => {
    expect(resumable(feedOf({ maxChanges: 0, maxBytes: 0 }, 5), 5)).toEqual([5]);
  });

  it("gives a subscriber no change that was in what it began with", () => {
    const feed = new ChangeFeed({ maxChanges: 10, maxBytes: 1e6 }, fail);
    const replica = new Replica();
    const first = record(feed, 1);
    feed.subscribe(undefined, at(1), [], replica);
    feed.publish(first);
    feed.publish(record(feed, 2));
    expect([replica.resets, replica.revs]).toEqual([1, [2]]);
  });

  it("forgets subscribers and history when cleared", () => {
    const feed = feedOf({ maxChanges: 10, maxBytes: 1e6 }, 3);
    const replica = new Replica();
    feed.subscribe(at(3), at(3), [], replica);
    feed.clear();
    expect(resumable(feed, 3)).toEqual([3]);
    feed.publish(record(feed, 4));
    expect(replica.revs).toEqual([]);
  });
});
