import { beforeEach, describe, expect, it } from "vitest";
import { withLimits } from "../../../src/core/limits.ts";
import { DictAuthority, type Membership } from "../../../src/dict/dict-authority.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import type { DictSink } from "../../../src/stores/store.ts";
import { turns } from "../session/session-pair.ts";
import { bytesOf, set } from "./lonely-replica.ts";
import { NotedDownlink } from "./noted-downlink.ts";

let store: MemoryStore;
let authority: DictAuthority;
/** Does not keep up. */
let slow: NotedDownlink;
let membership: Membership;
let quick: Membership;

beforeEach(() => {
  store = new MemoryStore();
  authority = new DictAuthority(store, withLimits());
  slow = new NotedDownlink();
  membership = authority.join(slow);
  quick = authority.join(new NotedDownlink());
  slow.take();
  slow.isSaturated = true;
});

async function drain(): Promise<Record<string, unknown>[]> {
  await turns(1);
  expect(slow.take()).toEqual([]);
  slow.isSaturated = false;
  membership.catchUp();
  return slow.take();
}

describe("a replica that does not keep up", () => {
  it("is told the newest value of each changed key, when it does again", async () => {
    for (let n = 0; n < 1000; n++) {
      quick.write(set("x", n));
      if (n % 100 === 0) await turns(1);
    }
    quick.write(set("y", 1));
    quick.write(set("gone", 1));
    quick.write({ kind: "delete", key: "gone" });
    expect(await drain()).toEqual([
      {
        values: [
          ["x", 999],
          ["y", 1],
          ["gone", undefined],
        ],
        rev: 1003,
      },
    ]);
    quick.write(set("x", "normal again"));
    await turns(1);
    expect(slow.take()).toEqual([{ change: [[["x", "normal again"]]], rev: 1004 }]);
  });

  it("is told at the end of a turn, too, when nothing else calls for it", async () => {
    quick.write(set("x", 1));
    await turns(1);
    slow.isSaturated = false;
    quick.write(set("y", 2));
    await turns(1);
    expect(slow.take()).toEqual([
      {
        values: [
          ["x", 1],
          ["y", 2],
        ],
        rev: 2,
      },
    ]);
  });

  it("hears first what became of its own writes, in their order", async () => {
    membership.write(set("x", "own"));
    quick.write(set("x", "theirs"));
    membership.write(set("z", "own"));
    membership.write({ kind: "swap", key: "x", condition: { kind: "absent" }, value: bytesOf(1) });
    membership.write({ kind: "increment", key: "n", by: 5 });
    quick.write({ kind: "increment", key: "n", by: 1 });
    membership.write({ kind: "barrier" });
    expect(await drain()).toEqual([
      { acknowledge: 2, rev: 0 },
      { refuse: "CNR_ERR_CONFLICT" },
      { result: ["n", 5], rev: 0 },
      { acknowledge: 1, rev: 0 },
      {
        values: [
          ["x", "theirs"],
          ["n", 6],
        ],
        rev: 5,
      },
    ]);
  });

  it("is told the whole state after a clear", async () => {
    quick.write(set("x", 1));
    quick.write({ kind: "clear" });
    quick.write(set("y", 2));
    expect(await drain()).toEqual([{ reset: { y: 2 }, rev: 3 }]);
  });

  it("costs no more than the keys that are there: for keys that came and went, the whole state is shorter", async () => {
    quick.write(set("stays", 1));
    for (let n = 0; n < 5000; n++) {
      quick.write(set(`key ${n}`, n));
      quick.write({ kind: "delete", key: `key ${n}` });
    }
    expect(await drain()).toEqual([{ reset: { stays: 1 }, rev: 10_001 }]);
  });

  it("is told single keys however many there are, while they are there", async () => {
    for (let n = 0; n < 5000; n++) quick.write(set(`key ${n}`, n));
    const [message] = await drain();
    expect(message?.["values"]).toHaveLength(5000);
  });

  it("is told before another message leaves, even if it has not caught up: order goes first", async () => {
    quick.write(set("x", 1));
    await turns(1);
    membership.catchUp();
    expect(slow.take()).toEqual([{ values: [["x", 1]], rev: 1 }]);
    quick.write(set("x", 2));
    await turns(1);
    expect(slow.take()).toEqual([]);
  });
});

describe("a replica to which nothing can be said just now", () => {
  beforeEach(() => {
    slow.isSaturated = false;
    slow.isBusy = new Error("a message is half-written");
  });

  it("is told later, by itself", async () => {
    quick.write(set("x", 1));
    membership.write(set("y", 1));
    membership.catchUp();
    slow.isBusy = undefined;
    await turns(1);
    expect(slow.take()).toEqual([
      { acknowledge: 1, rev: 0 },
      { values: [["x", 1]], rev: 2 },
    ]);
  });

  it("loses no answer when it is interrupted while catching up", async () => {
    membership.write(set("y", 1));
    membership.write({ kind: "increment", key: "n", by: 1 });
    await turns(1);
    membership.catchUp();
    slow.isBusy = undefined;
    membership.catchUp();
    expect(slow.take()).toEqual([
      { acknowledge: 1, rev: 0 },
      { result: ["n", 1], rev: 0 },
      { values: [], rev: 2 },
    ]);
  });

  it("may be new: its snapshot comes later", async () => {
    void store.commit([set("a", 1)], "somebody");
    const fresh = new NotedDownlink();
    fresh.isBusy = slow.isBusy;
    const joined = authority.join(fresh);
    quick.write(set("b", 2));
    await turns(1);
    fresh.isBusy = undefined;
    joined.catchUp();
    expect(fresh.take()).toEqual([{ reset: { a: 1, b: 2 }, rev: 2 }]);
  });
});

describe("a store that has lost its history", () => {
  it("has all replicas start from its state again", async () => {
    let sink: DictSink | undefined;
    store.subscribe = (_, given) => {
      sink = given;
      given.reset([], { epoch: "1", rev: 0 });
      return { [Symbol.dispose]() {} };
    };
    authority = new DictAuthority(store, withLimits());
    const downlink = new NotedDownlink();
    authority.join(downlink);
    downlink.take();
    sink?.reset([["a", { value: bytesOf(1), rev: 0 }]], { epoch: "2", rev: 0 });
    store.entries = () => [["a", { value: bytesOf(1), rev: 0 }]];
    await turns(1);
    expect(downlink.take()).toEqual([{ reset: { a: 1 }, rev: 0 }]);
  });
});

describe("a store that is telling somebody else", () => {
  it("may be ahead of what it has told here: a replica that joins then is told everything once", async () => {
    const joined: NotedDownlink[] = [];
    store.subscribe(undefined, {
      reset() {},
      change(rev) {
        if (rev !== 1) return;
        // Committed now, told to the others only after this has returned.
        void store.commit([set("x", "second")], "inside");
        joined.push(new NotedDownlink());
        authority.join(joined[0] as NotedDownlink);
      },
    });
    quick.write(set("x", "first"));
    await turns(1);
    const told = joined[0]?.take() ?? [];
    expect(told).toEqual([{ reset: { x: "second" }, rev: 2 }]);
  });
});
