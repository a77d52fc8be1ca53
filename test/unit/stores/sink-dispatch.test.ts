import { describe, expect, it } from "vitest";
import { ChangeFeed } from "../../../src/stores/change-feed.ts";
import { SinkDispatch } from "../../../src/stores/sink-dispatch.ts";
import type { Delivery } from "../../../src/stores/store.ts";
import { Replica } from "../../conformance/store-harness.ts";

const delivery = (token: number): Delivery => ({ token, queue: "q", body: new Uint8Array(), attempt: 1 });

function made(): { dispatch: SinkDispatch; feed: ChangeFeed; calls: string[] } {
  const calls: string[] = [];
  const onSinkError = (error: unknown): void => void calls.push(`error ${String(error)}`);
  const feed = new ChangeFeed({ maxChanges: 10, maxBytes: 1e6 }, onSinkError);
  return { dispatch: new SinkDispatch(feed, onSinkError), feed, calls };
}

describe("SinkDispatch", () => {
  it("calls nobody before it is told to, and then in the order of the effects", () => {
    const { dispatch, feed, calls } = made();
    feed.subscribe(undefined, { epoch: "e", rev: 0 }, [], {
      reset: () => {},
      change: (rev, _, origin) => void calls.push(`change ${rev} ${origin}`),
    });
    dispatch.register(1, {
      item: ({ token }) => void calls.push(`item ${token}`),
      end: () => void calls.push("end"),
    });
    dispatch.delivered(1, delivery(7));
    dispatch.changed(1, [], "me");
    dispatch.ended(1);
    expect(calls).toEqual([]);
    dispatch.handOut();
    expect(calls).toEqual(["item 7", "change 1 me", "end"]);
    dispatch.handOut();
    expect(calls).toHaveLength(3);
  });

  it("leaves the consumers of other processes to them", () => {
    const { dispatch, calls } = made();
    dispatch.register(1, {
      item: ({ token }) => void calls.push(`item ${token}`),
      end: () => void calls.push("end"),
    });
    dispatch.delivered(2, delivery(1));
    dispatch.ended(2);
    dispatch.release(2);
    dispatch.delivered(1, delivery(2));
    dispatch.handOut();
    expect(calls).toEqual(["item 2"]);
  });

  it("starts no sink's call inside another's, however deep one asks for it", async () => {
    const { dispatch, calls } = made();
    let answer: unknown;
    dispatch.register(1, {
      item: ({ token }) => {
        calls.push(`begin ${token}`);
        if (token < 3) dispatch.during(() => dispatch.delivered(1, delivery(token + 1)));
        dispatch.handOut();
        answer = dispatch.afterSinks(token);
        calls.push(`end ${token}`);
      },
      end: () => {},
    });
    dispatch.delivered(1, delivery(1));
    expect(dispatch.afterSinks("at once")).toBe("at once");
    dispatch.handOut();
    expect(calls).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toBe(3);
  });

  it("hands out what a task causes when the task is over", () => {
    const { dispatch, calls } = made();
    dispatch.register(1, { item: ({ token }) => void calls.push(`item ${token}`), end: () => {} });
    const result = dispatch.during(() => {
      dispatch.delivered(1, delivery(1));
      dispatch.handOut();
      calls.push("task");
      return "result";
    });
    expect(result).toBe("result");
    expect(calls).toEqual(["task", "item 1"]);
  });

  it("drops everything when cleared, also from within a sink", () => {
    const { dispatch, feed, calls } = made();
    const replica = new Replica();
    feed.subscribe(undefined, { epoch: "e", rev: 0 }, [], replica);
    dispatch.register(1, {
      item: ({ token }) => {
        calls.push(`item ${token}`);
        dispatch.clear();
      },
      end: () => void calls.push("end"),
    });
    dispatch.delivered(1, delivery(1));
    dispatch.changed(1, [], "me");
    dispatch.ended(1);
    dispatch.handOut();
    expect(calls).toEqual(["item 1"]);
    expect(replica.revs).toEqual([]);
  });
});
