import { describe, expect, it } from "vitest";
import { ExposedFunctions, type FunctionGroup, unknownFunction } from "../../../src/rpc/exposed-functions.ts";

describe("exposed functions", () => {
  it("are found by name, those of groups by dotted names, with the group they stand in", () => {
    const exposed = new ExposedFunctions();
    const add = (): number => 1;
    const group = { math: { deep: { add } }, add };
    exposed.expose(group);
    expect(exposed.find("add")).toEqual({ fn: add, self: group });
    expect(exposed.find("math.deep.add")).toEqual({ fn: add, self: group.math.deep });
    expect(exposed.names()).toEqual(["math.deep.add", "add"]);
  });

  it("are replaced by later ones of the same name", () => {
    const exposed = new ExposedFunctions();
    const [old, fresh] = [(): number => 1, (): number => 2];
    exposed.expose({ f: old, g: old });
    exposed.expose({ f: fresh });
    expect([exposed.find("f")?.fn, exposed.find("g")?.fn, exposed.names()]).toEqual([fresh, old, ["f", "g"]]);
  });

  it("stand before those of the parent, which are found behind them, also when they come later", () => {
    const parent = new ExposedFunctions();
    const exposed = new ExposedFunctions(parent);
    const [mine, theirs] = [(): number => 1, (): number => 2];
    exposed.expose({ both: mine });
    parent.expose({ both: theirs, only: theirs });
    expect([exposed.find("both")?.fn, exposed.find("only")?.fn]).toEqual([mine, theirs]);
    expect(parent.find("both")?.fn).toBe(theirs);
    expect(new Set(exposed.names())).toEqual(new Set(["both", "only"]));
  });

  it("are what was put in, never what an object inherits", () => {
    const exposed = new ExposedFunctions();
    class Service {
      readonly own = (): number => 1;
      inherited(): number {
        return 2;
      }
    }
    exposed.expose({ service: new Service() as unknown as FunctionGroup });
    exposed.expose(Object.create({ hidden: () => 1 }) as FunctionGroup);
    expect(exposed.names()).toEqual(["service.own"]);
    for (const name of [
      "constructor",
      "__proto__",
      "toString",
      "service",
      "service.constructor",
      "service.inherited",
      "hidden",
      "",
    ]) {
      expect(exposed.find(name), name).toBe(undefined);
    }
  });

  it("may be named as they like", () => {
    const exposed = new ExposedFunctions();
    const fn = (): void => {};
    exposed.expose({ constructor: fn, ["__proto__"]: fn, "with space": fn } as unknown as FunctionGroup);
    expect(exposed.names()).toEqual(["constructor", "__proto__", "with space"]);
    expect(exposed.find("__proto__")?.fn).toBe(fn);
  });

  it("are functions: anything else is refused, by its name", () => {
    for (const value of [5, "text", null, undefined, true, Symbol("s")]) {
      const group = { math: { pi: value } } as unknown as FunctionGroup;
      expect(() => new ExposedFunctions().expose(group)).toThrow("expose: math.pi is no function");
    }
  });
});

describe("the error for an unknown name", () => {
  const messageFor = (name: string, known: readonly string[]): string => unknownFunction(name, known).message;

  it("names what looks like it, the closest first, three at most", () => {
    expect(messageFor("ad", ["add"])).toContain('; did you mean "add"?');
    expect(messageFor("reed", ["write", "read", "seed"])).toMatch(
      /did you mean "(read|seed)" or "(read|seed)"\?/,
    );
    const error = unknownFunction("value", ["values", "value12", "value1", "value123", "unlike"]);
    expect(error).toMatchObject({
      code: "CNR_ERR_UNKNOWN_FUNCTION",
      details: { close: ["values", "value1", "value12"] },
    });
    expect(messageFor("ADD", ["add"])).toContain('"add"');
  });

  it("names nothing where nothing is like it", () => {
    expect(messageFor("compute", ["subscribe", "x"])).toBe('the other side exposes no function "compute"');
    expect(messageFor("compute", [])).toBe('the other side exposes no function "compute"');
  });

  it("is short, and soon made, however long the name", () => {
    const error = unknownFunction("x".repeat(1_000_000), ["y".repeat(100_000), "add"]);
    expect(error.message.length).toBeLessThan(400);
  });
});
