import { describe, expect, it } from "vitest";
import { AuthenticationError } from "../../../src/core/errors.ts";
import { Key } from "../../../src/security/key.ts";
import { type HeldKey, KeyRing, type KeyRingOptions } from "../../../src/security/key-ring.ts";
import { deriveKeys } from "../../../src/security/node/derived-keys.ts";
import { generalGrants } from "../../../src/security/policy.ts";

const idOf = (key: Key): string => deriveKeys(key).id;

function ringOf(options: Partial<KeyRingOptions> = {}): { ring: KeyRing; main: Key; errors: unknown[] } {
  const main = options.main ?? Key.generate();
  const errors: unknown[] = [];
  const ring = new KeyRing({ ...options, main, idOf, onError: (error) => errors.push(error) });
  return { ring, main, errors };
}

describe("a ring of keys", () => {
  it("has the main key under its id, with all that `allow` grants", () => {
    const { ring, main } = ringOf({ grants: generalGrants({ system: false }) });
    expect(ring.get(idOf(main))).toEqual({
      name: "main",
      key: main,
      grants: { data: true, call: true, code: true, system: false, files: true },
    });
  });

  it("has named keys with what they are granted, from its start and later", () => {
    const [one, two] = [Key.generate(), Key.generate()];
    const { ring } = ringOf({ keys: { one: { key: one, allow: { data: true } } } });
    ring.add("two", { key: two.reveal(), allow: { call: true } });
    expect(ring.get(idOf(one))).toMatchObject({ name: "one", grants: { data: true, call: false } });
    expect(ring.get(idOf(two))).toMatchObject({ name: "two", grants: { data: false, call: true } });
    expect(ring.names()).toEqual(["main", "one", "two"]);
  });

  it("grants a named key nothing that the option `allow` denies", () => {
    const key = Key.generate();
    const { ring } = ringOf({
      grants: generalGrants({ code: false }),
      keys: { worker: { key, allow: { data: true, code: true } } },
    });
    expect(ring.get(idOf(key))?.grants).toMatchObject({ data: true, code: false });
  });

  it("knows nothing under other ids, whatever they are", () => {
    const { ring, main } = ringOf();
    for (const id of ["", "main", "__proto__", "constructor", idOf(main).slice(1), idOf(Key.generate())]) {
      expect(ring.get(id)).toBeUndefined();
    }
  });

  it("takes no key twice, and says whose it is without saying what it is", () => {
    const key = Key.generate();
    const { ring, main } = ringOf({ keys: { one: { key } } });
    expect(() => ring.add("two", { key: key.reveal() })).toThrow(/"one" and "two"/);
    expect(() => ring.add("three", { key: main })).toThrow(/"main" and "three"/);
    expect(ring.names()).toEqual(["main", "one"]);
    expect(() => ring.add("two", { key: key.reveal() })).not.toThrow(key.reveal().slice(4));
  });

  it("takes no name twice, none that is not one, and none of the main key", () => {
    const { ring } = ringOf({ keys: { one: { key: Key.generate() } } });
    for (const name of ["one", "main", "", " ", "a b", "-a", "a".repeat(65), "käse", "a\n", "../x"]) {
      expect(() => ring.add(name, { key: Key.generate() }), name).toThrow(TypeError);
    }
    expect(ring.names()).toEqual(["main", "one"]);
    ring.add("a".repeat(64), { key: Key.generate() });
  });

  it("takes no text that is no key, and names the key it was for", () => {
    const { ring } = ringOf();
    expect(() => ring.add("worker", { key: "letmein-please" })).toThrow(AuthenticationError);
    expect(() => ring.add("worker", { key: "letmein-please" })).toThrow(/the key "worker"/);
    expect(() => ring.add("worker", { key: undefined as unknown as string })).toThrow(AuthenticationError);
    expect(ring.names()).toEqual(["main"]);
  });

  it("takes no grant that there is not", () => {
    const { ring } = ringOf();
    const allow = { everything: true } as object;
    expect(() => ring.add("worker", { key: Key.generate(), allow })).toThrow(TypeError);
    expect(ring.names()).toEqual(["main"]);
  });
});

describe("revoking a key", () => {
  it("takes it no longer, and then tells all who listen", () => {
    const key = Key.generate();
    const { ring } = ringOf({ keys: { worker: { key, allow: { data: true } } } });
    const told: [string, boolean][] = [];
    const note = (held: HeldKey): void => void told.push([held.name, ring.get(idOf(held.key)) === undefined]);
    ring.onRevoke(note);
    const stopped = ring.onRevoke(note);
    stopped[Symbol.dispose]();
    ring.onRevoke(note);
    expect(ring.revoke("worker")).toBe(true);
    expect(ring.get(idOf(key))).toBeUndefined();
    expect(told).toEqual([["worker", true]]);
    expect(ring.names()).toEqual(["main"]);
  });

  it("does nothing for a name that there is not, and nothing twice", () => {
    const { ring } = ringOf({ keys: { worker: { key: Key.generate() } } });
    let told = 0;
    ring.onRevoke(() => told++);
    expect([ring.revoke("nobody"), ring.revoke("worker"), ring.revoke("worker")]).toEqual([
      false,
      true,
      false,
    ]);
    expect(told).toBe(1);
  });

  it("frees the name and the key", () => {
    const key = Key.generate();
    const { ring } = ringOf({ keys: { worker: { key, allow: { data: true } } } });
    ring.revoke("worker");
    ring.add("other", { key });
    ring.add("worker", { key: Key.generate() });
    expect(ring.get(idOf(key))?.name).toBe("other");
  });

  it("is not done to the main key", () => {
    const { ring, main } = ringOf();
    expect(() => ring.revoke("main")).toThrow(TypeError);
    expect(ring.get(idOf(main))?.name).toBe("main");
  });

  it("tells all who listen, also behind one that throws", async () => {
    const { ring, errors } = ringOf({ keys: { worker: { key: Key.generate() } } });
    const thrown = new Error("thrown");
    const rejected = new Error("rejected");
    let told = 0;
    ring.onRevoke(() => {
      throw thrown;
    });
    ring.onRevoke(() => Promise.reject(rejected));
    ring.onRevoke(() => told++);
    expect(ring.revoke("worker")).toBe(true);
    await Promise.resolve();
    expect(told).toBe(1);
    expect(errors).toEqual([thrown, rejected]);
  });
});
