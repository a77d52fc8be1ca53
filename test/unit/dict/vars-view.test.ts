import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SharedDict } from "../../../src/dict/shared-dict.ts";
import { type VarsView, varsView } from "../../../src/dict/vars-view.ts";
import { DictWorld } from "./dict-world.ts";
import { sourceFunctions } from "./source-functions.ts";

let world: DictWorld;
let dict: SharedDict;
let vars: VarsView;

beforeEach(() => {
  world = new DictWorld({ functions: sourceFunctions });
  ({ dict } = world.server);
  vars = varsView(dict);
});
afterEach(() => world.close());

describe("vars", () => {
  it("are read and written as properties", () => {
    vars.var1 = 256;
    vars["test var"] = [0, "well"];
    expect(vars.var1).toBe(256);
    expect(dict.get("test var")).toEqual([0, "well"]);
    expect(vars.missing).toBeUndefined();
    vars.var1 += 1;
    expect(dict.get("var1")).toBe(257);
  });

  it("are deleted, and looked for, as properties", () => {
    vars.x = undefined;
    expect("x" in vars).toBe(true);
    expect(delete vars.x).toBe(true);
    expect("x" in vars).toBe(false);
    expect(delete vars.x).toBe(true);
    expect(Object.hasOwn(vars, "x")).toBe(false);
  });

  it("are listed, spread, copied and turned to JSON", () => {
    Object.assign(vars, { b: 1, a: [2] });
    expect(Object.keys(vars)).toEqual(["b", "a"]);
    expect(Object.entries(vars)).toEqual([
      ["b", 1],
      ["a", [2]],
    ]);
    expect({ ...vars, c: 3 }).toEqual({ b: 1, a: [2], c: 3 });
    expect(JSON.stringify(vars)).toBe('{"b":1,"a":[2]}');
    const names: string[] = [];
    for (const name in vars) names.push(name);
    expect(names).toEqual(["b", "a"]);
    const { b, ...others } = vars;
    expect([b, others]).toEqual([1, { a: [2] }]);
    expect(vars).toEqual({ b: 1, a: [2] });
  });

  it("hold values that are frozen", () => {
    vars.list = [1];
    expect(() => vars.list.push(2)).toThrow(TypeError);
    expect(vars.list).toEqual([1]);
  });

  it("print as what is in them", () => {
    vars.x = { y: [1] };
    expect(inspect(vars)).toBe("{ x: { y: [ 1 ] } }");
    expect(inspect({ vars })).toBe("{ vars: { x: { y: [Array] } } }");
    expect(`${vars}`).toBe("[shared vars]");
    expect(String(vars)).toBe("[shared vars]");
  });

  it.each([
    "get",
    "set",
    "has",
    "size",
    "constructor",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "__proto__",
    "prototype",
    "then",
    "toJSON",
    "length",
    "",
    "0",
    "a b",
    "ключ",
    "\u{1f600}",
  ])("may have the key %j, like any other", (key) => {
    expect(vars[key]).toBeUndefined();
    expect(key in vars).toBe(false);
    vars[key] = { of: key };
    expect(vars[key]).toEqual({ of: key });
    expect(dict.get(key)).toEqual({ of: key });
    expect(Object.keys(vars)).toEqual([key]);
    expect(Object.getOwnPropertyDescriptor({ ...vars }, key)?.value).toEqual({ of: key });
    delete vars[key];
    expect(vars[key]).toBeUndefined();
  });

  it("have no prototype that could be changed, and pollute none", () => {
    Reflect.set(vars, "__proto__", { polluted: true });
    expect(Object.getPrototypeOf(vars)).toBeNull();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(vars.polluted).toBeUndefined();
    expect(Object.getPrototypeOf({ ...vars })).toBe(Object.prototype);
    expect(() => Object.setPrototypeOf(vars, {})).toThrow(TypeError);
  });

  it("take no symbols, no accessors, and cannot be frozen", () => {
    expect(() => {
      vars[Symbol("key")] = 1;
    }).toThrow(TypeError);
    expect(vars[Symbol("key")]).toBeUndefined();
    expect(Symbol.iterator in vars).toBe(false);
    expect(delete vars[Symbol("key")]).toBe(true);
    expect(() => Object.defineProperty(vars, "x", { get: () => 1 })).toThrow(TypeError);
    expect(() => Object.freeze(vars)).toThrow(TypeError);
    expect(dict.size).toBe(0);
  });

  it("can be awaited, whatever is in them", async () => {
    expect(await vars).toBe(vars);
    Reflect.set(vars, "then", "data");
    expect(await vars).toBe(vars);
    Reflect.set(vars, "then", () => {
      throw new Error("an await must not call this");
    });
    expect(await vars).toBe(vars);
    expect(vars.then).toBeUndefined();
    expect(dict.get("then")).toBeTypeOf("function");
    expect("then" in vars).toBe(true);
  });

  it("do not let JSON.stringify call what came from elsewhere", () => {
    vars.toJSON = () => {
      throw new Error("JSON.stringify must not call this");
    };
    expect(JSON.stringify(vars)).toBe("{}");
    expect(dict.get("toJSON")).toBeTypeOf("function");
  });

  it("hold functions", () => {
    vars.add = (a: number, b: number) => a + b;
    expect(vars.add(1, 2)).toBe(3);
    expect(Object.keys(vars)).toEqual(["add"]);
  });

  it("say at the assignment what cannot be sent", () => {
    expect(() => {
      vars.socket = { a: [Symbol("x")] };
    }).toThrow("value.a[0] cannot be sent");
    expect("socket" in vars).toBe(false);
  });

  it("throw without a link", async () => {
    const client = await world.join();
    const theirs = varsView(client.global.dict);
    theirs.x = 1;
    world.close();
    expect(() => {
      theirs.x = 2;
    }).toThrow(expect.objectContaining({ code: "CNR_ERR_CLOSED" }));
    expect(() => delete theirs.x).toThrow("closed");
  });
});
