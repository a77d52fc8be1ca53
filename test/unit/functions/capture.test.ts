import { EventEmitter } from "node:events";
import { join } from "node:path";
import { runInThisContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { ConnectorError } from "../../../src/core/errors.ts";
import {
  type AnyFunction,
  type CapturedFunction,
  type RevivedFunction,
  readCapturedFunction,
  writeCapturedFunction,
} from "../../../src/functions/captured-function.ts";
import { capture } from "../../../src/functions/node/capture.ts";
import { revive } from "../../../src/functions/node/revive.ts";
import { helper } from "./fixtures/helper.ts";

/** What arrives on the other side: nothing of the original but its bytes. */
function travel<F extends AnyFunction>(fn: F): F {
  const writer = new ByteWriter();
  writeCapturedFunction(writer, capture(fn, "value"));
  const reader = new ByteReader(writer.bytes.slice(0, writer.position));
  return revive(readCapturedFunction(reader)) as AnyFunction as F;
}

/** A function exactly as written: the test runner's transforms do not touch it. */
function written(code: string): RevivedFunction {
  return runInThisContext(code) as RevivedFunction;
}

function refusal(fn: AnyFunction): ConnectorError {
  try {
    capture(fn, "value.job");
  } catch (error) {
    if (ConnectorError.is(error)) return error;
    throw error;
  }
  throw new Error("it was captured");
}

describe("a function that needs only arguments and globals", () => {
  const kinds: Record<string, [code: string, args: unknown[], result: unknown]> = {
    "an arrow": ["(a, b) => a + b", [1, 2], 3],
    "an arrow with a block": ["({ a }, ...rest) => { return a + rest.length }", [{ a: 1 }, 0, 0], 3],
    "a function": ["(function add(a, b) { return a + b })", [1, 2], 3],
    "an anonymous function": ["(function (a) { return a })", [4], 4],
    "an async arrow": ["async (a) => await a + 1", [1], 2],
    "an async function": ["(async function (a) { return a })", [5], 5],
    "a method": ["({ m(a) { return a * 2 } }).m", [2], 4],
    "an async method": ["({ async m(a) { return a * 2 } }).m", [2], 4],
    "a method with a computed name": ["({ ['a' + 1](a) { return a } })['a1']", [7], 7],
    "a method named by a symbol": ["({ [Symbol.iterator](a) { return a } })[Symbol.iterator]", [7], 7],
    "a method named by a string": ["({ 'a b'(a) { return a } })['a b']", [7], 7],
    "a method of a class": ["(class { m(a) { return a } }).prototype.m", [8], 8],
    "a static method": ["(class { static m(a) { return a } }).m", [8], 8],
    "a private method": [
      "(class { #m(a) { return a } static take() { return new this().#m } }).take()",
      [8],
      8,
    ],
    "a method called get": ["({ get(a) { return a } }).get", [1], 1],
    "a method called async": ["({ async(a) { return a } }).async", [1], 1],
    recursion: ["(function fact(n) { return n > 1 ? n * fact(n - 1) : 1 })", [5], 120],
    globals: [
      "(a) => JSON.stringify([Math.max(...a), parseInt('7'), typeof process.pid])",
      [[1, 9]],
      '[9,7,"number"]',
    ],
    "a probe for a browser": ["() => typeof window", [], "undefined"],
    "comments and odd spacing": [
      "/* a */ (function /* b */ f /* c */ (a) /* d */ { return a /* e */ })",
      [3],
      3,
    ],
    "a closing comment": ["(a) => a // the end", [3], 3],
    "an indirect eval": ["(code) => (0, eval)(code)", ["1 + 1"], 2],
  };
  for (const [name, [code, args, result]] of Object.entries(kinds)) {
    it(`travels as ${name}`, async () => {
      expect(await travel(written(code))(...args)).toEqual(result);
    });
  }

  it("keeps its kind", async () => {
    const generator = travel(written("(function* (n) { while (n) yield n-- })")) as (n: number) => Generator;
    expect([...generator(3)]).toEqual([3, 2, 1]);
    const asyncGenerator = travel(
      written("(async function* () { yield 1; yield 2 })"),
    ) as () => AsyncGenerator;
    const seen: unknown[] = [];
    for await (const value of asyncGenerator()) seen.push(value);
    expect(seen).toEqual([1, 2]);
    for (const code of ["async () => {}", "(function* () {})", "(async function* () {})", "() => {}"]) {
      const original = written(code);
      expect(Object.getPrototypeOf(travel(original))).toBe(Object.getPrototypeOf(original));
    }
  });

  it("keeps its name and length", () => {
    const named = { "odd name": (a: number, b: number, c = 0): number => a + b + c }[
      "odd name"
    ] as AnyFunction;
    for (const fn of [
      named,
      written("(function f(a) {})"),
      written("({ m(a, b, c) {} }).m"),
      written("() => {}"),
    ]) {
      const arrived = travel(fn);
      expect([arrived.name, arrived.length]).toEqual([fn.name, fn.length]);
    }
    expect(travel(written("({ [Symbol.iterator]() {} })[Symbol.iterator]")).name).toBe("[Symbol.iterator]");
  });

  it("keeps strict mode as it was", () => {
    const probe = "(function () { return this === undefined })";
    expect(travel(written(`"use strict"; ${probe}`))()).toBe(true);
    expect(travel(written(probe))()).toBe(false);
    expect(travel(written("(function () { 'use strict'; return this === undefined })"))()).toBe(true);
    expect(travel(written("(function () { return 010 })"))()).toBe(8);
    expect(
      travel(() =>
        (function (this: unknown) {
          return this;
        })(),
      )(),
    ).toBeUndefined(); // an ES module is strict
  });

  it("travels as a class, private fields and all", () => {
    const Counter = written(
      "(class Counter { static made = 0; #n = 1; constructor() { Counter.made++ } next() { return this.#n++ } })",
    ) as unknown as new () => { next(): number };
    const Arrived = travel(Counter as unknown as AnyFunction) as unknown as typeof Counter & { made: number };
    const counter = new Arrived();
    expect([counter.next(), counter.next(), Arrived.made, Arrived.name]).toEqual([1, 2, 1, "Counter"]);
    const Failure = travel(
      written("(class Failure extends Error { code = 5 })"),
    ) as unknown as new () => Error;
    expect(new Failure()).toBeInstanceOf(Error);
  });

  it("uses this of its caller", () => {
    const fn = travel(written("(function (b) { return this.a + b })"));
    expect(fn.call({ a: 1 }, 2)).toBe(3);
  });

  it("imports packages and modules of Node where it is called", async () => {
    const dynamic = travel(written("async (a) => (await import('node:path')).join(a, 'b')"));
    expect(await dynamic("a")).toBe("a/b");
    const both = travel(
      written("async () => [import('acorn'), import('node:os')].length && (await import('acorn')).parse"),
    );
    expect(await both()).toBeInstanceOf(Function);
    expect(travel(written("() => require('node:path').sep"))()).toBe("/");
    const json = travel(
      written("async () => (await import('acorn/package.json', { with: { type: 'json' } })).default.name"),
    );
    expect(await json()).toBe("acorn");
  });

  it("works as the test runner and bundlers rewrite it", async () => {
    const dynamic = async (name: string): Promise<string> => (await import("node:path")).basename(name);
    expect(await travel(dynamic)("/a/b")).toBe("b");
    const esbuild = travel(written("() => { const f = __name((a) => a, 'kept'); return f.name }"));
    expect(esbuild()).toBe("kept");
    const enough = (limit = 10): number[] =>
      Array.from({ length: limit }, (_, n) => n ** 2).filter((n) => n % 2);
    expect(travel(enough)(4)).toEqual([1, 9]);
  });

  it("shows the line and name in stack traces", () => {
    const fn = travel(written("(function job() {\n  const a = 1;\n  throw new Error('here' + a);\n})"));
    let stack: string | undefined;
    try {
      fn();
    } catch (error) {
      ({ stack } = error as Error);
    }
    expect(stack).toContain("at job (connector:job:3:9)");
  });

  it("is a new function each time, but the same when it is sent on", () => {
    const original = written("(a) => a");
    const captured = capture(original, "value");
    const [one, two] = [revive(captured), revive(captured)];
    expect(one).not.toBe(two);
    expect(capture(one, "value")).toBe(captured);
    expect(travel(one)(5)).toBe(5);
    const importer = travel(written("async () => (await import('node:path')).sep"));
    expect(capture(travel(importer), "value")).toEqual(capture(importer, "value"));
  });
});

describe("a built-in function", () => {
  const named: Record<string, unknown> = {
    " Math.sin": Math.sin,
    " console.log": console.log,
    " Array.prototype.map": Array.prototype.map,
    " parseInt": parseInt,
    " Object.keys": Object.keys,
    " Map": Map,
    " setTimeout": setTimeout,
    " structuredClone": structuredClone,
    " fetch": fetch,
    " Buffer.from": Buffer.from,
    " URL": URL,
    "node:path join": join,
    "node:events EventEmitter": EventEmitter,
    "node:process cwd": process.cwd,
  };
  for (const [key, fn] of Object.entries(named)) {
    it(`goes by name: ${key.trim()}`, () => {
      const captured = capture(fn as AnyFunction, "value");
      expect(captured.kind === "name" && captured.path).toBe(key.split(" ")[1]);
      expect(travel(fn as AnyFunction)).toBe(fn);
    });
  }

  it("is known by identity, not by its name", () => {
    const error = refusal(Object.defineProperty(written("() => outer"), "name", { value: "fetch" }));
    expect(error.code).toBe("CNR_ERR_CAPTURES");
  });

  it("is refused where it has no name that others know", () => {
    const native = new Intl.NumberFormat().format; // a native function made for one object
    expect(refusal(native).message).toContain("it is native code that no other program knows by name");
  });

  it("touches no lazy global", () => {
    const touched: string[] = [];
    Object.defineProperty(globalThis, "captureTestLazy", {
      configurable: true,
      get: () => touched.push("lazy"),
    });
    capture(written("(a) => [a, captureTestLazy]"), "value");
    capture(Math.cos, "value");
    delete (globalThis as Record<string, unknown>)["captureTestLazy"];
    expect(touched).toEqual([]);
  });
});

describe("a function that captures", () => {
  it("is refused with the name of each variable, and where it stands", () => {
    const error = refusal(written("((a, b, c) => (x) => a + b(x) + c.d + a)(1, 2, 3)"));
    expect(error.code).toBe("CNR_ERR_CAPTURES");
    expect(error.details).toEqual({ path: "value.job", names: "a, b and c" });
    expect(error.message).toContain("value.job cannot travel: it uses a, b and c of the code around it");
    expect(refusal(written("((a, b) => () => [a, b])()")).details["names"]).toBe("a and b");
    expect(refusal(written("((a) => () => { a = 1 })()")).details["names"]).toBe("a");
  });

  it("is refused for the variables and imports of its module", () => {
    const local = 5;
    expect(refusal(() => local).details["names"]).toBe("local");
    expect(refusal((n: number) => helper(n)).details["names"]).toBe("helper");
    expect(refusal(() => join("a", "b")).details["names"]).toBe("join");
  });

  it("is refused for what CommonJS puts around it, except require", () => {
    expect(refusal(written("() => [module, __dirname, require]")).details["names"]).toBe(
      "module and __dirname",
    );
  });

  it("is judged anew when a name has become a global", () => {
    const fn = written("() => captureTestGlobal");
    expect(refusal(fn).details["names"]).toBe("captureTestGlobal");
    Object.assign(globalThis, { captureTestGlobal: 6 });
    expect(travel(fn)()).toBe(6);
    delete (globalThis as Record<string, unknown>)["captureTestGlobal"];
  });
});

describe("what cannot leave its place", () => {
  const refused: Record<string, [code: string, reason: string]> = {
    "an arrow with this": ["(function () { return () => this.x }).call({})", "`this` of the code around it"],
    "an arrow with arguments": ["(function () { return () => arguments })()", "`arguments` of the function"],
    "an arrow with new.target": ["(function () { return () => new.target })()", "`new.target`"],
    "a method with super": ["({ m() { return super.m } }).m", "`super`"],
    "an arrow with super": ["({ m() { return () => super.m } }).m()", "`super`"],
    "a direct eval": ["(code) => eval(code)", "eval()"],
    "a relative import": ["() => import('./other.ts')", '"./other.ts"'],
    "an import of a parent": ["() => import('../other.ts')", '"../other.ts"'],
    "a subpath import": ["() => import('#other')", '"#other"'],
    "a relative require": ["() => require('./other')", '"./other"'],
    "a bound function": ["((a) => a).bind(null, 1)", "a bound function"],
    "a Proxy": ["new Proxy(() => 1, {})", "a Proxy"],
    "a getter": ["Object.getOwnPropertyDescriptor({ get x() { return 1 } }, 'x').get", "a getter"],
    "a method with private names": ["(class { #p; m() { return this.#p } }).prototype.m", "private names"],
  };
  for (const [name, [code, reason]] of Object.entries(refused)) {
    it(`is refused: ${name}`, () => {
      const error = refusal(written(code));
      expect(error.code).toBe("CNR_ERR_UNSENDABLE");
      expect(error.message).toContain("value.job cannot be sent");
      expect(error.message).toContain(reason);
    });
  }

  it("is refused: import.meta", () => {
    expect(refusal(written("() => import_meta")).code).toBe("CNR_ERR_CAPTURES");
    const bytes = `data:text/javascript,export default () => import.meta.url`;
    return import(/* @vite-ignore */ bytes).then((module: { default: AnyFunction }) => {
      expect(refusal(module.default).message).toContain("import.meta");
    });
  });
});

describe("revive", () => {
  function undecodable(captured: CapturedFunction): string {
    try {
      revive(captured);
    } catch (error) {
      if (ConnectorError.is(error) && error.code === "CNR_ERR_UNDECODABLE") return error.message;
      throw error;
    }
    throw new Error("it was revived");
  }

  it("finds names by own properties only", () => {
    for (const path of [
      "",
      "Math",
      "Math.nothing",
      "Math.sin.constructor",
      "constructor",
      "__proto__.constructor",
      "Object.prototype.constructor",
      "Math.toString",
      "console.log.call",
      "hasOwnProperty",
    ]) {
      expect(undecodable({ kind: "name", module: "", path }), path).toContain("there is no function");
    }
    expect(undecodable({ kind: "name", module: "node:path", path: "nothing" })).toContain("node:path");
    expect(undecodable({ kind: "name", module: "./file.ts", path: "run" })).toContain("./file.ts");
  });

  it("refuses text that is no function, with the reason", () => {
    const source = (text: string): CapturedFunction => ({ kind: "source", text, name: "job", strict: true });
    expect(undecodable(source("1 + 1"))).toContain('"job" is no function');
    expect(undecodable(source("(a => "))).toContain("SyntaxError");
    expect(undecodable(source("class { static { throw new RangeError('no') } }"))).toContain(
      "RangeError: no",
    );
  });

  it("is what runs code: reading the bytes is not", () => {
    const ran = "captureTestRan";
    const text = `class { static x = (globalThis.${ran} = true) }`;
    const writer = new ByteWriter();
    writeCapturedFunction(writer, { kind: "source", text, name: "", strict: false });
    const captured = readCapturedFunction(new ByteReader(writer.bytes.slice(0, writer.position)));
    expect(ran in globalThis).toBe(false);
    revive(captured);
    expect(ran in globalThis).toBe(true);
    delete (globalThis as Record<string, unknown>)[ran];
  });

  it("survives odd names", () => {
    for (const name of ["", "a b\n(c)", "__proto__", "x".repeat(5000)]) {
      expect(revive({ kind: "source", text: "() => 1", name, strict: true }).name).toBe(name);
    }
  });
});

describe("the bytes of a function", () => {
  it("give it back as it was", () => {
    const forms: CapturedFunction[] = [
      { kind: "name", module: "", path: "Math.sin" },
      { kind: "name", module: "node:path", path: "join" },
      { kind: "source", text: "() => '\u{1F600} ä'", name: "smile", strict: true },
      { kind: "source", text: "function () {}", name: "", strict: false },
    ];
    const writer = new ByteWriter();
    for (const form of forms) writeCapturedFunction(writer, form);
    const reader = new ByteReader(writer.bytes.slice(0, writer.position));
    expect(forms.map(() => readCapturedFunction(reader))).toEqual(forms);
  });

  it("of an unknown form are refused", () => {
    expect(() => readCapturedFunction(new ByteReader(new Uint8Array([9])))).toThrow(
      /unknown form of a function: 9/,
    );
  });
});
