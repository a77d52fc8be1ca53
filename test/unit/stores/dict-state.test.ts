import { describe, expect, it } from "vitest";
import { DictState } from "../../../src/stores/dict-state.ts";
import { remove, set, textOf } from "../../conformance/store-harness.ts";

const shown = (dict: DictState): string =>
  [...dict.entries()].map(([key, { value, rev }]) => `${key}=${textOf(value)}@${rev}`).join(" ");

describe("DictState", () => {
  it("raises the revision with each commit, also with an empty one", () => {
    const dict = new DictState();
    expect(dict.commit([set("a", "1"), set("b", "2")])).toEqual({ ok: true, rev: 1 });
    expect(dict.commit([])).toEqual({ ok: true, rev: 2 });
    expect(dict.commit([set("a", "3")])).toEqual({ ok: true, rev: 3 });
    expect(shown(dict)).toBe("a=3@3 b=2@1");
    expect(dict.rev).toBe(3);
  });

  it("leaves everything as it was when one condition fails", () => {
    const dict = new DictState();
    dict.commit([set("a", "1")]);
    expect(dict.commit([{ kind: "clear" }, set("b", "2"), set("a", "9", 0)])).toEqual({
      ok: false,
      key: "a",
      rev: 1,
    });
    expect(dict.commit([remove("gone", 1)])).toEqual({ ok: false, key: "gone", rev: 0 });
    expect(shown(dict)).toBe("a=1@1");
    expect(dict.rev).toBe(1);
  });

  it("takes operations in order", () => {
    const dict = new DictState();
    dict.commit([
      set("a", "1"),
      remove("a"),
      set("a", "2"),
      { kind: "clear" },
      set("b", "3"),
      remove("b", 0),
    ]);
    expect(dict.size).toBe(0);
  });

  it("keeps the order of the keys' first writes since they were last deleted", () => {
    const dict = new DictState();
    for (const key of ["a", "b", "c"]) dict.commit([set(key, "1")]);
    dict.commit([set("a", "2")]);
    dict.commit([remove("b"), set("b", "3")]);
    expect([...dict.keys()]).toEqual(["a", "c", "b"]);
  });

  it("forgets deleted keys: a new one may be created again", () => {
    const dict = new DictState();
    dict.commit([set("a", "1")]);
    dict.commit([remove("a", 1)]);
    expect(dict.get("a")).toBeUndefined();
    expect(dict.commit([set("a", "2", 0)])).toEqual({ ok: true, rev: 3 });
  });
});
