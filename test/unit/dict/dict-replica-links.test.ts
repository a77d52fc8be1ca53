import { beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { withLimits } from "../../../src/core/limits.ts";
import { DictReplica } from "../../../src/dict/dict-replica.ts";
import { bytesOf, LonelyReplica, set } from "./lonely-replica.ts";

const LOST = failure("CNR_ERR_LINK_LOST", { reason: "the test" });

let lonely: LonelyReplica;
let replica: DictReplica;

beforeEach(() => {
  lonely = new LonelyReplica();
  ({ replica } = lonely);
});

describe("events", () => {
  beforeEach(() => lonely.listen());

  it("are one for each operation, with all of its keys", () => {
    replica.set("a", 1);
    replica.update([
      ["a", 2],
      ["b", 3],
    ]);
    lonely.remote(set("c", 4), { kind: "delete", key: "none" });
    expect(lonely.events).toEqual([
      { origin: "local", changes: [["a", 1, undefined]] },
      {
        origin: "local",
        changes: [
          ["a", 2, 1],
          ["b", 3, undefined],
        ],
      },
      { origin: "remote", changes: [["c", 4, undefined]] },
    ]);
  });

  it("have the first key's change as their own", () => {
    let seen: unknown;
    replica.onChange(({ key, value, previous }) => {
      seen = [key, value, previous];
    });
    lonely.remote(set("x", 1), set("y", 2));
    expect(seen).toEqual(["x", 1, undefined]);
  });

  it("say once what an operation makes of a key that it names twice", () => {
    lonely.remote(set("a", 0));
    lonely.remote(set("a", 1), set("b", 1), { kind: "delete", key: "b" }, set("a", 2));
    expect(lonely.events.at(-1)?.changes[0]).toEqual(["a", 2, 0]);
  });

  it("are not told of what own writes hide", () => {
    replica.set("a", 1);
    lonely.remote(set("a", 2));
    lonely.remote({ kind: "clear" });
    replica.acknowledge(1);
    replica.tell();
    expect(lonely.events).toHaveLength(1);
  });

  it("name every key that a clear removes", () => {
    lonely.remote(set("a", 1), set("b", 2));
    replica.set("c", 3);
    lonely.remote({ kind: "clear" });
    expect(lonely.events.at(-1)).toEqual({
      origin: "remote",
      changes: [
        ["a", undefined, 1],
        ["b", undefined, 2],
      ],
    });
    replica.clear();
    expect(lonely.events.at(-1)).toEqual({ origin: "local", changes: [["c", undefined, 3]] });
  });

  it("are not told of a deletion of nothing", () => {
    replica.delete("none");
    replica.clear();
    expect(lonely.events).toEqual([]);
    expect(lonely.written).toHaveLength(2);
  });

  it("come in the same order to all, also when a listener writes", () => {
    const order: string[] = [];
    replica.onChange(({ key, value }) => {
      order.push(`first ${key} ${value}`);
      if (key === "a") replica.set("b", 1);
    });
    replica.onChange(({ key, value }) => void order.push(`second ${key} ${value}`));
    replica.set("a", 1);
    expect(order).toEqual(["first a 1", "second a 1", "first b 1", "second b 1"]);
    expect(lonely.written).toEqual([set("a", 1), set("b", 1)]);
  });

  it("go on when a listener throws or rejects", async () => {
    replica.onChange(() => {
      throw new Error("first");
    });
    replica.onChange(() => Promise.reject(new Error("second")));
    replica.set("a", 1);
    replica.set("b", 1);
    await Promise.resolve();
    expect(lonely.errors.map(String).sort()).toEqual([
      "Error: first",
      "Error: first",
      "Error: second",
      "Error: second",
    ]);
    expect(lonely.events).toHaveLength(2);
  });

  it("end when the listener is disposed of, each one for itself", () => {
    let heard = 0;
    const listener = (): void => void heard++;
    const first = replica.onChange(listener);
    replica.onChange(listener);
    replica.set("a", 1);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    replica.set("a", 2);
    expect(heard).toBe(3);
  });
});

describe("what cannot be lonely.written", () => {
  it("throws at the writer, and leaves nothing behind", () => {
    expect(() => replica.set("a", Symbol("x"))).toThrow(
      expect.objectContaining({ code: "CNR_ERR_UNSENDABLE" }),
    );
    expect(() => replica.set("a", () => 1)).toThrow("functions do not travel here");
    expect(() => replica.set("a", "x".repeat(2000))).toThrow(
      expect.objectContaining({ code: "CNR_ERR_VALUE_TOO_LARGE" }),
    );
    expect(() =>
      replica.update([
        ["b", 1],
        ["c", Symbol("x")],
      ]),
    ).toThrow("symbol");
    expect(() => replica.update(["a", "b"].map((key) => [key, "x".repeat(600)]))).toThrow("limit is 1000");
    expect(() => replica.set("k".repeat(2000), 1)).toThrow("limit is 1000");
    expect([lonely.content, lonely.written, replica.pending]).toEqual([{}, [], 0]);
  });

  it("is a key that would be another one there", () => {
    for (const write of [() => replica.set("\ud800", 1), () => replica.delete("a\udc00")]) {
      expect(write).toThrow("half of a surrogate pair");
    }
    replica.set("\u{1f600}", 1);
    expect(lonely.content).toEqual({ "\u{1f600}": 1 });
  });

  it("is taken back when it cannot be sent just now", () => {
    lonely.listen();
    replica.set("a", 1);
    lonely.failsToWrite = new Error("busy");
    expect(() => replica.set("a", 2)).toThrow("busy");
    expect(() => replica.clear()).toThrow("busy");
    lonely.failsToWrite = undefined;
    expect(lonely.content).toEqual({ a: 1 });
    expect(lonely.events).toHaveLength(1);
    void replica.swap("a", replica.find("a"), bytesOf(3));
    expect(lonely.written.at(-1)).toMatchObject({ condition: { kind: "own", distance: 1 } });
  });

  it("breaks the protocol when more is answered than was lonely.written", () => {
    replica.set("a", 1);
    for (const answer of [
      () => replica.acknowledge(2),
      () => replica.refuse("", ""),
      () => replica.result("a", bytesOf(1)),
    ]) {
      expect(answer).toThrow(expect.objectContaining({ code: "CNR_ERR_PROTOCOL" }));
    }
  });
});

describe("without a link", () => {
  it("it says so before the first one", () => {
    const fresh = new DictReplica({ limits: withLimits(), onError() {} });
    expect(fresh.stale).toBe(true);
    expect(fresh.get("a")).toBeUndefined();
    expect(() => fresh.set("a", 1)).toThrow(expect.objectContaining({ code: "CNR_ERR_NOT_CONNECTED" }));
  });

  it("it can be read, and nothing else", async () => {
    lonely.remote(set("a", 1));
    replica.detach(LOST);
    expect(lonely.content).toEqual({ a: 1 });
    expect(replica.stale).toBe(true);
    for (const write of [() => replica.set("a", 2), () => replica.delete("a"), () => replica.clear()]) {
      expect(write).toThrow(LOST);
    }
    await expect(replica.synced()).rejects.toBe(LOST);
    expect(lonely.content).toEqual({ a: 1 });
  });

  it("it takes back what was on the way, and tells who waits", async () => {
    lonely.listen();
    lonely.remote(set("a", 0));
    replica.set("a", 1);
    const synced = replica.synced();
    const increment = replica.increment("n", 1, 1);
    const heard: unknown[] = [];
    replica.onDetach((reason) => void heard.push(reason));
    replica.detach(LOST);
    await expect(synced).rejects.toBe(LOST);
    await expect(increment).rejects.toBe(LOST);
    expect(heard).toEqual([LOST]);
    expect([lonely.content, replica.pending, lonely.errors]).toEqual([{ a: 0 }, 0, []]);
    expect(lonely.events.slice(-2)).toEqual([
      { origin: "remote", changes: [["a", 0, 1]] },
      { origin: "remote", changes: [["n", undefined, 1]] },
    ]);
    replica.detach(LOST);
    expect(heard).toHaveLength(1);
  });

  it("it goes on with the next link's snapshot, and tells each key that differs", () => {
    lonely.remote(set("a", 1), set("b", 2), set("c", [3]));
    const before = replica.get("c");
    lonely.listen();
    replica.detach(LOST);
    lonely.attach();
    expect(replica.stale).toBe(true);
    replica.set("d", 4);
    replica.reset(20, [
      ["a", bytesOf("new")],
      ["c", bytesOf([3])],
      ["e", bytesOf(5)],
    ]);
    replica.tell();
    expect(replica.stale).toBe(false);
    expect(lonely.content).toEqual({ a: "new", c: [3], e: 5, d: 4 });
    expect(replica.get("c")).toBe(before);
    expect(lonely.events).toEqual([
      { origin: "local", changes: [["d", 4, undefined]] },
      { origin: "remote", changes: [["a", "new", 1]] },
      { origin: "remote", changes: [["b", undefined, 2]] },
      { origin: "remote", changes: [["e", 5, undefined]] },
    ]);
  });

  it("it counts its operations anew for the next link", () => {
    replica.set("a", 1);
    replica.detach(LOST);
    lonely.attach();
    replica.set("a", 2);
    void replica.swap("a", replica.find("a"), bytesOf(3));
    expect(lonely.written.at(-1)).toMatchObject({ condition: { kind: "own", distance: 1 } });
    replica.acknowledge(2);
    expect(replica.get("a")).toBe(3);
  });
});

describe("synced", () => {
  it("resolves when all that was written before is answered, taken or refused", async () => {
    await replica.synced();
    replica.set("a", 1);
    replica.set("b", 2);
    let isSynced = false;
    const synced = replica.synced().then(() => {
      isSynced = true;
    });
    replica.set("c", 3);
    replica.acknowledge(1);
    await Promise.resolve();
    expect(isSynced).toBe(false);
    replica.refuse("CNR_ERR_STORE_CLOSED", "");
    await synced;
    expect(replica.pending).toBe(1);
  });
});
