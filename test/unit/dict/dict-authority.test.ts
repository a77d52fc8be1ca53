import { beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { withLimits } from "../../../src/core/limits.ts";
import { diffBytes } from "../../../src/dict/byte-patch.ts";
import { DictAuthority, type Membership } from "../../../src/dict/dict-authority.ts";
import { DictReplica } from "../../../src/dict/dict-replica.ts";
import type { DictCondition } from "../../../src/protocol/dict-messages.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { turns } from "../session/session-pair.ts";
import { bytesOf, set } from "./lonely-replica.ts";
import { NotedDownlink } from "./noted-downlink.ts";

let store: MemoryStore;
let authority: DictAuthority;

beforeEach(() => {
  store = new MemoryStore();
  authority = new DictAuthority(store, withLimits({ maxValueBytes: 10_000 }));
});

interface Joined extends NotedDownlink {
  readonly membership: Membership;
}

/** A replica of the test's own, whose snapshot is taken as read. */
function join(): Joined {
  const downlink = new NotedDownlink();
  const membership = authority.join(downlink);
  downlink.take();
  return Object.assign(downlink, { membership });
}

const swap = (key: string, condition: DictCondition, value: unknown) =>
  ({ kind: "swap", key, condition, value: value === undefined ? undefined : bytesOf(value) }) as const;
const since = (rev: number): DictCondition => ({ kind: "since", rev });
const own = (distance: number): DictCondition => ({ kind: "own", distance });
const ABSENT: DictCondition = { kind: "absent" };
const held = (key: string): unknown => {
  const entry = store.get(key);
  return entry && NotedDownlink.decode(entry.value);
};

describe("joining", () => {
  it("brings the whole state first, whatever has just been written", async () => {
    void store.commit([set("a", 1)], "somebody");
    const early = join();
    early.membership.write(set("b", 2));
    const late = new NotedDownlink();
    authority.join(late);
    expect(late.take()).toEqual([{ reset: { a: 1, b: 2 }, rev: 2 }]);
    await turns(1);
    expect(late.take()).toEqual([]);
    expect(early.take()).toEqual([{ acknowledge: 1, rev: 2 }]);
  });

  it("ends with the membership: nothing more is told, and what was received is still done", async () => {
    const [a, b] = [join(), join()];
    a.membership.write(set("x", 1));
    a.membership[Symbol.dispose]();
    await turns(1);
    expect(a.take()).toEqual([]);
    expect(b.take()).toEqual([{ change: [[["x", 1]]], rev: 1 }]);
  });
});

describe("changes", () => {
  it("of one turn go out at its end, once, and to their origin as a count", async () => {
    const [a, b, c] = [join(), join(), join()];
    for (let n = 0; n < 10; n++) a.membership.write(set("x", n));
    expect([a, b, c].flatMap((replica) => replica.take())).toEqual([]);
    await turns(1);
    expect(a.take()).toEqual([{ acknowledge: 10, rev: 10 }]);
    const told = b.take();
    expect(told).toEqual([{ change: Array.from({ length: 10 }, (_, n) => [["x", n]]), rev: 10 }]);
    expect(c.take()).toEqual(told);
    expect(b.lastBytes?.buffer).toBe(c.lastBytes?.buffer);
  });

  it("of several origins keep their order, with each one's answers at their place", async () => {
    const [a, b] = [join(), join()];
    a.membership.write(set("x", 1));
    a.membership.write(set("y", 2));
    b.membership.write(set("x", 3));
    a.membership.write({ kind: "delete", key: "y" });
    await turns(1);
    expect(a.take()).toEqual([
      { acknowledge: 2, rev: 2 },
      { change: [[["x", 3]]], rev: 3 },
      { acknowledge: 1, rev: 4 },
    ]);
    expect(b.take()).toEqual([
      { change: [[["x", 1]], [["y", 2]]], rev: 2 },
      { acknowledge: 1, rev: 3 },
      { change: [[["y", undefined]]], rev: 4 },
    ]);
  });

  it("keep an update together, and a clear", async () => {
    const [a, b] = [join(), join()];
    a.membership.write({ kind: "update", changes: [set("x", 1), set("y", 2)] });
    a.membership.write({ kind: "clear" });
    await turns(1);
    expect(a.take()).toEqual([{ acknowledge: 2, rev: 2 }]);
    expect(b.take()).toEqual([
      {
        change: [
          [
            ["x", 1],
            ["y", 2],
          ],
          ["clear"],
        ],
        rev: 2,
      },
    ]);
  });

  it("that come from elsewhere are told to all", async () => {
    const a = join();
    void store.commit([set("x", 1)], "another server");
    await turns(1);
    expect(a.take()).toEqual([{ change: [[["x", 1]]], rev: 1 }]);
  });

  it("go out before the turn ends when they are many", () => {
    const [a, b] = [join(), join()];
    for (let n = 0; n < 100; n++) a.membership.write(set("x", "x".repeat(5000)));
    const told = b.take().length;
    expect(told).toBeGreaterThan(1);
    expect(told).toBeLessThan(20);
  });

  it("carry long values beside them, as they are", async () => {
    authority = new DictAuthority(store, withLimits());
    const [a, b] = [join(), join()];
    const long = bytesOf("x".repeat(20_000));
    a.membership.write({ kind: "set", key: "long", value: long });
    await turns(1);
    expect(b.lastAttachments).toEqual([long]);
    expect(b.lastAttachments[0]).toBe(long);
  });

  it("of other replicas are told before anything else is said to one, if it asks", async () => {
    const [a, b] = [join(), join()];
    a.membership.write(set("x", 1));
    b.membership.catchUp();
    expect(b.take()).toEqual([{ change: [[["x", 1]]], rev: 1 }]);
    expect(a.take()).toEqual([{ acknowledge: 1, rev: 1 }]);
    await turns(1);
    expect([...a.take(), ...b.take()]).toEqual([]);
  });
});

describe("a conditional write", () => {
  it("is taken when the key is as it should be", async () => {
    const a = join();
    a.membership.write(swap("x", ABSENT, 1));
    a.membership.write(swap("x", own(1), 2));
    a.membership.write(swap("x", since(2), 3));
    a.membership.write(swap("x", since(3), undefined));
    await turns(1);
    expect(a.take()).toEqual([{ acknowledge: 4, rev: 4 }]);
    expect(store.get("x")).toBeUndefined();
  });

  it("is refused when it is not, in its place among the answers, and changes nothing", async () => {
    const [a, b] = [join(), join()];
    a.membership.write(set("x", 1));
    b.membership.write(set("x", 2));
    for (const condition of [ABSENT, since(1), own(1), own(2), own(0), own(500)]) {
      a.membership.write(swap("x", condition, "wrong"));
    }
    a.membership.write(swap("none", since(9), "wrong"));
    a.membership.write(set("y", 3));
    await turns(1);
    const refused = { refuse: "CNR_ERR_CONFLICT" };
    expect(a.take()).toEqual([
      { acknowledge: 1, rev: 1 },
      { change: [[["x", 2]]], rev: 2 },
      ...Array.from({ length: 7 }, () => refused),
      { acknowledge: 1, rev: 3 },
    ]);
    expect(held("x")).toBe(2);
    expect(b.take().at(-1)).toEqual({ change: [[["y", 3]]], rev: 3 });
  });

  it("cannot build on an own one that was refused, nor on one that left another value than it knew", () => {
    const a = join();
    a.membership.write(swap("x", since(1), 1));
    a.membership.write(swap("x", own(1), 2));
    a.membership.write({ kind: "increment", key: "n", by: 1 });
    a.membership.write(swap("n", own(1), 7));
    expect([held("x"), held("n")]).toEqual([undefined, 1]);
  });

  it("can build on one of its newest 128 own ones", () => {
    const a = join();
    a.membership.write(set("x", 1));
    for (let n = 0; n < 127; n++) a.membership.write(set("y", n));
    a.membership.write(swap("x", own(128), 2));
    expect(held("x")).toBe(2);
    for (let n = 0; n < 128; n++) a.membership.write(set("y", n));
    a.membership.write(swap("x", own(129), 3));
    expect(held("x")).toBe(2);
  });

  it("may be a patch, which the others are told as a patch", async () => {
    const [a, b] = [join(), join()];
    const [before, after] = [bytesOf("x".repeat(1000)), bytesOf(`${"x".repeat(500)}!${"x".repeat(499)}`)];
    a.membership.write({ kind: "set", key: "text", value: before });
    const patch = diffBytes(before, after);
    a.membership.write({ kind: "patch", key: "text", condition: own(1), patch });
    a.membership.write({ kind: "patch", key: "text", condition: own(2), patch });
    a.membership.write({ kind: "patch", key: "none", condition: ABSENT, patch });
    await turns(1);
    expect(store.get("text")?.value).toEqual(after);
    expect(a.take()).toEqual([
      { acknowledge: 2, rev: 2 },
      { refuse: "CNR_ERR_CONFLICT" },
      { refuse: "CNR_ERR_UNDECODABLE" },
    ]);
    expect(b.take()).toEqual([{ change: [[["text", "x".repeat(1000)]], [["text", { patch }]]], rev: 2 }]);
  });

  it("may not patch a value to more than the limit", async () => {
    const a = join();
    const long = bytesOf("x".repeat(8000));
    a.membership.write({ kind: "set", key: "x", value: long });
    a.membership.write({
      kind: "patch",
      key: "x",
      condition: own(1),
      patch: diffBytes(long, Buffer.concat([long, long])),
    });
    await turns(1);
    expect(a.take().at(-1)).toEqual({ refuse: "CNR_ERR_VALUE_TOO_LARGE" });
  });
});

describe("an increment", () => {
  it("adds to the newest value, and tells its origin what has come of it", async () => {
    const [a, b] = [join(), join()];
    a.membership.write({ kind: "increment", key: "n", by: 1 });
    b.membership.write({ kind: "increment", key: "n", by: -0.5 });
    a.membership.write({ kind: "increment", key: "n", by: 1e10 });
    await turns(1);
    expect(a.take()).toEqual([
      { result: ["n", 1], rev: 1 },
      { change: [[["n", 0.5]]], rev: 2 },
      { result: ["n", 10_000_000_000.5], rev: 3 },
    ]);
    expect(b.take()).toEqual([
      { change: [[["n", 1]]], rev: 1 },
      { result: ["n", 0.5], rev: 2 },
      { change: [[["n", 10_000_000_000.5]]], rev: 3 },
    ]);
  });

  it("is refused for anything but a number", async () => {
    const a = join();
    for (const value of ["1", 1n, null, undefined, [1], new Date(1), true]) {
      a.membership.write(set("n", value));
      a.membership.write({ kind: "increment", key: "n", by: 1 });
      await turns(1);
      expect(a.take().at(-1), String(value)).toEqual({ refuse: "CNR_ERR_NOT_A_NUMBER" });
    }
  });
});

describe("a barrier", () => {
  it("is answered in its place", async () => {
    const [a, b] = [join(), join()];
    b.membership.write(set("x", 1));
    a.membership.write({ kind: "barrier" });
    b.membership.write(set("x", 2));
    await turns(1);
    expect(a.take()).toEqual([
      { change: [[["x", 1]]], rev: 1 },
      { acknowledge: 1, rev: 1 },
      { change: [[["x", 2]]], rev: 2 },
    ]);
    expect(b.take()).toEqual([
      { acknowledge: 1, rev: 1 },
      { acknowledge: 1, rev: 2 },
    ]);
  });
});

describe("a replica of this process", () => {
  it("sees changes in the step in which they happen, and its own writes at once", () => {
    const replica = new DictReplica({ limits: withLimits(), onError() {} });
    void store.commit([set("a", 0)], "before");
    authority.joinReplica(replica);
    const a = join();
    expect(replica.get("a")).toBe(0);
    a.membership.write(set("x", 1));
    expect(replica.get("x")).toBe(1);
    replica.set("y", 2);
    expect([held("y"), replica.pending]).toEqual([2, 0]);
  });

  it("is detached when the authority closes, and cannot join afterwards", () => {
    const [early, late] = [0, 1].map(() => new DictReplica({ limits: withLimits(), onError() {} }));
    authority.joinReplica(early as DictReplica);
    early?.set("x", 1);
    const reason = failure("CNR_ERR_CLOSED", { by: "the test" });
    authority.close(reason);
    authority.joinReplica(late as DictReplica);
    expect(early?.get("x")).toBe(1);
    for (const replica of [early, late]) expect(() => replica?.set("x", 2)).toThrow(reason);
    void store.commit([set("x", 9)], "afterwards");
    expect(early?.get("x")).toBe(1);
  });

  it("may write when it hears of a change: it is ordered behind", async () => {
    const replica = new DictReplica({ limits: withLimits(), onError() {} });
    authority.joinReplica(replica);
    replica.onChange(({ key, value }) => {
      if (key === "x") replica.set("y", value);
    });
    const [a, b] = [join(), join()];
    a.membership.write(set("x", 1));
    a.membership.write(set("x", 2));
    await turns(1);
    expect(b.take().flatMap((message) => message["change"])).toEqual([
      [["x", 1]],
      [["y", 1]],
      [["x", 2]],
      [["y", 2]],
    ]);
  });
});

describe("a store that fails", () => {
  it("refuses the write, with its reason", async () => {
    const a = join();
    const replica = new DictReplica({ limits: withLimits(), onError: (error) => void errors.push(error) });
    const errors: unknown[] = [];
    authority.joinReplica(replica);
    store.commit = () => {
      throw failure("CNR_ERR_STORE_CLOSED");
    };
    a.membership.write(set("x", 1));
    replica.set("y", 1);
    await turns(1);
    expect(a.take()).toEqual([{ refuse: "CNR_ERR_STORE_CLOSED" }]);
    expect(errors).toMatchObject([{ code: "CNR_ERR_STORE_CLOSED" }]);
    expect(replica.find("y")).toBeUndefined();
  });

  it("may say so in words of its own", async () => {
    const a = join();
    store.commit = () => {
      throw new Error("the disk is full");
    };
    a.membership.write(set("x", 1));
    await turns(1);
    expect(a.take()).toEqual([{ refuse: "CNR_ERR_REMOTE", text: "the disk is full" }]);
  });
});
