import { beforeEach, describe, expect, it } from "vitest";
import type { DictReplica } from "../../../src/dict/dict-replica.ts";
import { bytesOf, LonelyReplica, set } from "./lonely-replica.ts";

let lonely: LonelyReplica;
let replica: DictReplica;

beforeEach(() => {
  lonely = new LonelyReplica();
  ({ replica } = lonely);
});

describe("own writes", () => {
  it("show at once, and are sent in order", () => {
    replica.set("a", 1);
    replica.set("b", [2]);
    replica.delete("a");
    expect(lonely.content).toEqual({ b: [2] });
    expect(lonely.written).toEqual([set("a", 1), set("b", [2]), { kind: "delete", key: "a" }]);
    expect(replica.pending).toBe(3);
  });

  it("are what the value was, whatever becomes of the object afterwards", () => {
    const list = [1];
    replica.set("a", list);
    list.push(2);
    expect(replica.get("a")).toEqual([1]);
  });

  it("stay when they are acknowledged", () => {
    replica.set("a", 1);
    replica.set("b", 2);
    replica.acknowledge(1);
    expect(replica.pending).toBe(1);
    replica.acknowledge(1);
    expect(replica.pending).toBe(0);
    expect(lonely.content).toEqual({ a: 1, b: 2 });
  });

  it("hide what others write to the same key until they are answered", () => {
    replica.set("a", 1);
    lonely.remote(set("a", "theirs, ordered before"), set("b", "theirs"));
    expect(lonely.content).toEqual({ a: 1, b: "theirs" });
    replica.acknowledge(1);
    expect(replica.get("a")).toBe(1);
    lonely.remote(set("a", "theirs, ordered after"));
    expect(replica.get("a")).toBe("theirs, ordered after");
  });

  it("never show an older one of them again", () => {
    for (const n of [1, 2, 3]) replica.set("a", n);
    for (const left of [2, 1, 0]) {
      replica.acknowledge(1);
      expect([replica.get("a"), replica.pending]).toEqual([3, left]);
    }
  });

  it("hide a deletion by others, and are hidden by their own deletion", () => {
    lonely.remote(set("a", 0));
    replica.delete("a");
    lonely.remote(set("a", "theirs"));
    expect(replica.find("a")).toBeUndefined();
    replica.set("a", 5);
    lonely.remote({ kind: "delete", key: "a" });
    expect(replica.get("a")).toBe(5);
    replica.acknowledge(2);
    expect(replica.get("a")).toBe(5);
  });

  it("survive a clear by others that is ordered before them", () => {
    lonely.remote(set("b", 0));
    replica.set("a", 1);
    lonely.remote({ kind: "clear" });
    expect(lonely.content).toEqual({ a: 1 });
    replica.acknowledge(1);
    expect(lonely.content).toEqual({ a: 1 });
  });

  it("make several keys one operation", () => {
    replica.update([
      ["a", 1],
      ["b", 2],
    ]);
    expect(lonely.written).toEqual([{ kind: "update", changes: [set("a", 1), set("b", 2)] }]);
    expect(replica.pending).toBe(1);
    replica.acknowledge(1);
    expect(lonely.content).toEqual({ a: 1, b: 2 });
    replica.update([]);
    expect(lonely.written).toHaveLength(1);
  });
});

describe("an own clear", () => {
  beforeEach(() => {
    replica.reset(2, [
      ["a", bytesOf(1)],
      ["b", bytesOf(2)],
    ]);
  });

  it("hides all that the server has, and all that others write, until it is answered", () => {
    replica.clear();
    lonely.remote(set("c", 3));
    expect(lonely.content).toEqual({});
    expect(replica.size).toBe(0);
    replica.acknowledge(1);
    lonely.remote(set("d", 4));
    expect(lonely.content).toEqual({ d: 4 });
  });

  it("leaves alone what is written after it", () => {
    replica.set("a", "before");
    replica.clear();
    replica.set("a", "after");
    expect([lonely.content, replica.size]).toEqual([{ a: "after" }, 1]);
    replica.acknowledge(1);
    expect(lonely.content).toEqual({ a: "after" });
    replica.acknowledge(2);
    expect(lonely.content).toEqual({ a: "after" });
  });

  it("may come twice", () => {
    replica.clear();
    replica.clear();
    replica.acknowledge(1);
    lonely.remote(set("c", 3));
    expect(lonely.content).toEqual({});
    replica.acknowledge(1);
    expect(lonely.content).toEqual({});
  });

  it("shows all again when it is refused", () => {
    lonely.listen();
    replica.clear();
    lonely.remote(set("b", 3));
    replica.refuse("CNR_ERR_NOT_ALLOWED", "");
    replica.tell();
    expect(lonely.content).toEqual({ a: 1, b: 3 });
    expect(lonely.events.at(-1)).toEqual({ origin: "remote", changes: [["b", 3, undefined]] });
    expect(lonely.events.at(-2)).toEqual({ origin: "remote", changes: [["a", 1, undefined]] });
  });
});

describe("a refused operation", () => {
  it("is taken back, and tells who waits for it", async () => {
    lonely.remote(set("a", 0));
    const outcome = replica.swap("a", replica.find("a"), bytesOf(1));
    expect(replica.get("a")).toBe(1);
    replica.refuse("CNR_ERR_CONFLICT", "");
    await expect(outcome).rejects.toMatchObject({ code: "CNR_ERR_CONFLICT", details: { key: "a" } });
    expect(replica.get("a")).toBe(0);
    expect(lonely.errors).toEqual([]);
  });

  it("tells the error event when nobody waits for it", () => {
    replica.set("a", 1);
    replica.set("b", 2);
    replica.refuse("CNR_ERR_STORE_CLOSED", "");
    expect(lonely.errors).toMatchObject([{ code: "CNR_ERR_STORE_CLOSED" }]);
    expect(lonely.content).toEqual({ b: 2 });
  });

  it("keeps the reason of a server whose codes are not known here", () => {
    replica.set("a", 1);
    replica.refuse("CNR_ERR_FROM_THE_FUTURE", "too early");
    expect(lonely.errors).toMatchObject([{ code: "CNR_ERR_REMOTE", details: { reason: "too early" } }]);
  });

  it("shows the own write before it again, and leaves the ones after it", () => {
    replica.set("a", 1);
    void replica.swap("a", replica.find("a"), bytesOf(2)).catch(() => {});
    replica.acknowledge(1);
    replica.set("b", 3);
    replica.refuse("CNR_ERR_CONFLICT", "");
    expect(lonely.content).toEqual({ a: 1, b: 3 });
  });

  it("takes what was built on it with it, at once", async () => {
    const first = replica.swap("a", undefined, bytesOf(1));
    const second = replica.swap("a", replica.find("a"), bytesOf(2));
    const third = replica.swap("a", replica.find("a"), bytesOf(3));
    replica.set("b", 1);
    replica.refuse("CNR_ERR_CONFLICT", "");
    expect(lonely.content).toEqual({ b: 1 });
    replica.refuse("CNR_ERR_CONFLICT", "");
    replica.refuse("CNR_ERR_CONFLICT", "");
    for (const outcome of [first, second, third]) await expect(outcome).rejects.toThrow("has changed");
    expect(lonely.content).toEqual({ b: 1 });
    expect(replica.pending).toBe(1);
  });

  it("tells listeners what is seen again", () => {
    lonely.remote(set("a", 0));
    lonely.listen();
    replica.set("a", 1);
    replica.refuse("CNR_ERR_STORE_CLOSED", "");
    replica.tell();
    expect(lonely.events).toEqual([
      { origin: "local", changes: [["a", 1, 0]] },
      { origin: "remote", changes: [["a", 0, 1]] },
    ]);
  });
});

describe("a condition", () => {
  const condition = (): unknown => (lonely.written.at(-1) as { condition: unknown }).condition;

  it("is that the key is absent", () => {
    void replica.swap("a", undefined, bytesOf(1));
    expect(condition()).toEqual({ kind: "absent" });
  });

  it("is that nobody has written since the newest revision that came", () => {
    lonely.remote(set("a", 1));
    replica.reached(7);
    void replica.swap("a", replica.find("a"), bytesOf(2));
    expect(condition()).toEqual({ kind: "since", rev: 7 });
  });

  it("is that the own operation before it was the last one", () => {
    replica.set("a", 1);
    replica.set("b", 1);
    void replica.swap("a", replica.find("a"), bytesOf(2));
    expect(condition()).toEqual({ kind: "own", distance: 2 });
    replica.acknowledge(3);
    replica.reached(9);
    void replica.swap("a", replica.find("a"), undefined);
    expect(condition()).toEqual({ kind: "since", rev: 9 });
    expect(replica.find("a")).toBeUndefined();
  });
});

describe("an increment", () => {
  it("shows what it is likely to become, then what it has become", async () => {
    lonely.listen();
    const outcome = replica.increment("n", 2, 2);
    expect(replica.get("n")).toBe(2);
    lonely.remote(set("n", 40));
    expect(replica.get("n")).toBe(2);
    replica.result("n", bytesOf(42));
    replica.tell();
    expect(await outcome).toBe(42);
    expect(replica.get("n")).toBe(42);
    expect(lonely.events).toEqual([
      { origin: "local", changes: [["n", 2, undefined]] },
      { origin: "remote", changes: [["n", 42, 2]] },
    ]);
  });

  it("tells nothing new when it has become what was shown", () => {
    lonely.listen();
    void replica.increment("n", 1, 1);
    replica.result("n", bytesOf(1));
    replica.tell();
    expect(lonely.events).toHaveLength(1);
  });

  it("does not show through a newer own write", () => {
    void replica.increment("n", 1, 1);
    replica.set("n", "mine");
    replica.result("n", bytesOf(9));
    expect(replica.get("n")).toBe("mine");
  });
});

describe("size and order", () => {
  it("count what is seen", () => {
    replica.reset(2, [
      ["a", bytesOf(1)],
      ["b", bytesOf(2)],
    ]);
    replica.set("c", 3);
    replica.delete("a");
    replica.delete("none");
    replica.set("b", 4);
    expect(replica.size).toBe(2);
    expect(Object.keys(lonely.content)).toEqual(["b", "c"]);
    replica.acknowledge(4);
    expect(replica.size).toBe(2);
  });
});
