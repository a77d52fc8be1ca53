import { afterEach, describe, expect, it } from "vitest";
import type { AnyFunction } from "../../../src/functions/captured-function.ts";
import { capture } from "../../../src/functions/node/capture.ts";
import { revive } from "../../../src/functions/node/revive.ts";
import { EvalScope } from "../../../src/rpc/node/eval-scope.ts";

const host = globalThis as unknown as Record<string, unknown>;

afterEach(() => {
  for (const name of Object.keys(host)) if (name.startsWith("hostTest")) delete host[name];
});

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => {
      throw new Error(`resolved to ${String(value)}`);
    },
    (error: unknown) => error as Error,
  );
}

describe("the value of eval", () => {
  const cases: Record<string, [code: string, value: unknown]> = {
    "an expression": ["1 + 1", 2],
    "the last of several statements": ["let x = 1; x + 1", 2],
    "the last expression, not a declaration after it": ["5; let y = 6;", 5],
    "a string that looks like a directive": ['"hello"', "hello"],
    "an object at the beginning": ["{ a: 1 }", { a: 1 }],
    "an object and a semicolon": ["{ a: 1, b: [2] };\n", { a: 1, b: [2] }],
    "an empty pair of braces": ["{}", {}],
    "a block, where it is no object": ["{ let a = 2; a * 3 }", 6],
    "two groups that only look like one": ["({ a: 1 }).a + ({ b: 2 }).b", 3],
    "a comma expression": ["1, 2, 3", 3],
    nothing: ["", undefined],
    "only a comment": ["// nothing", undefined],
    "a declaration": ["let q = 5", undefined],
    "a for loop": ["for (let i = 0; i < 4; i++) i * 10", 30],
    "a loop that never runs": ["1; while (false) 2", undefined],
    "an if": ["if (true) { 'yes' } else { 'no' }", "yes"],
    "an else without braces": ["if (false) 1; else for (const a of [7, 8]) a", 8],
    "an if that does nothing": ["1; if (false) 2", undefined],
    "a switch": ["switch (2) { case 1: 'a'; break; case 2: 'b'; break; default: 'c' }", "b"],
    "a try, whose finally does not count": ["try { 1 } finally { 2 }", 1],
    "a catch": ["try { throw 3 } catch (e) { e + 1 }", 4],
    "a labelled loop": ["outer: for (const a of [1, 2]) { for (;;) { a; continue outer } }", 2],
    "a do loop": ["let n = 0; do { n++ } while (n < 3)", 2],
    "the value of return": ["return 4; 5", 4],
    "a promise, awaited": ["Promise.resolve(9)", 9],
    "top-level await": ["const v = await Promise.resolve(3); v * 2", 6],
    "for await": ["let sum = 0; for await (const n of [1, Promise.resolve(2)]) sum += n; sum", 3],
    "an anonymous function called": ["(function (a) { return a })(8)", 8],
    "an await inside an object": ["{ a: await 1 }", { a: 1 }],
    "a template with a tag": ["const tag = (s, v) => s.join('|') + v; tag`a$" + "{1}b`", "a|b1"],
    destructuring: [
      "const { a, b: [c, ...d], e = 5 } = { a: 1, b: [2, 3, 4] }; [a, c, d, e]",
      [1, 2, [3, 4], 5],
    ],
    "assignment by destructuring": ["let a, b; [a, { b }] = [1, { b: 2 }]; ({ a, b })", { a: 1, b: 2 }],
    "shorthand with a default": ["let a; ({ a = 4 } = {}); a", 4],
    "lines joined without semicolons": ["let a = 1\nlet b = [a]\nconst f = () => b\nf()\nf().length", 1],
    "a call on a line of its own": ["function g() { const a = 1\nf()\nreturn a }\nfunction f() {}\ng()", 1],
    "var in a head of a loop": ["for (var i = 0, j = 5; i < j; i++, j--);\n[i, j]", [3, 2]],
    "var in a loop over values": ["for (var [k, v] of Object.entries({ a: 1 })); k + v", "a1"],
    "var in a loop over keys": ["for (var key in { only: 1 }); key", "only"],
    "a loop over a declared name": ["let at; for (at of [1, 2, 3]); at", 3],
    "names that shadow": ["let n = 1; { let n = 2; n++ } (function (n) { n = 5 })(0); n", 1],
    "delete of a name": ["gone = 1; delete gone; typeof gone", "undefined"],
    "compound assignments": ["let n = 2; n **= 3; n ??= 1; n++; n", 9],
    this: ["this === globalThis", true],
    "arguments of a function": ["(function () { return arguments.length })(1, 2)", 2],
  };
  for (const [name, [code, value]] of Object.entries(cases)) {
    it(`is that of ${name}`, async () => {
      expect(await new EvalScope().evaluate(code)).toEqual(value);
    });
  }

  it("is of this realm", async () => {
    const value = await new EvalScope().evaluate("[[], new Error('x'), {}, () => 1]");
    const [list, error, object, fn] = value as [unknown, unknown, object, unknown];
    expect(list).toBeInstanceOf(Array);
    expect(error).toBeInstanceOf(Error);
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(fn).toBeInstanceOf(Function);
  });

  it("is an anonymous function where only an expression can be meant", async () => {
    const value = await new EvalScope().evaluate("function (x) { return x * 2 }");
    expect((value as (x: number) => number)(4)).toBe(8);
  });
});

describe("exec", () => {
  it("gives what is returned, and nothing else", async () => {
    const scope = new EvalScope();
    expect(await scope.execute("1 + 1")).toBeUndefined();
    expect(await scope.execute("if (true) return 7; return 8")).toBe(7);
    expect(await scope.execute("return await Promise.resolve('later')")).toBe("later");
  });

  it("runs its first part at once, before anything is awaited", () => {
    const scope = new EvalScope({ names: { seen: host } });
    void scope.execute("seen.hostTestAtOnce = true; await null");
    expect(host["hostTestAtOnce"]).toBe(true);
  });
});

describe("the scope", () => {
  it("keeps every kind of declaration", async () => {
    const scope = new EvalScope();
    await scope.execute(`
      var a = 1; let b = 2; const c = 3;
      function f() { return a + b + c }
      class K { static n = 4 }
      class L extends K { m() { return super.constructor === L || L.n } }
      async function* g() { yield 5 }
      if (true) { var nested = 6; let hidden = 7 }
      const [d, { e }] = [8, { e: 9 }];
    `);
    expect(await scope.evaluate("[a, b, c, f(), K.n, new L().m(), nested, d, e]")).toEqual([
      1, 2, 3, 6, 4, 4, 6, 8, 9,
    ]);
    expect(await scope.evaluate("for await (const x of g()) x")).toBe(5);
    expect(await scope.evaluate("typeof hidden")).toBe("undefined");
  });

  it("is shared by functions that were declared before and after", async () => {
    const scope = new EvalScope();
    await scope.execute("let n = 0; function step() { n += by(); return n } const read = () => n");
    await scope.execute("function by() { return 10 }");
    expect(await scope.evaluate("step(); step()")).toBe(20);
    await scope.execute("n = 100; function by() { return 1 }");
    expect(await scope.evaluate("step(); read()")).toBe(101);
  });

  it("lets names be declared again, but keeps what var leaves alone", async () => {
    const scope = new EvalScope();
    for (const n of [1, 2]) await scope.execute(`let a = ${n}; const b = ${n}; class C { n = ${n} }; var d`);
    await scope.execute("d = 5; const x = a; let e = 1");
    await scope.execute("var d; let e");
    expect(await scope.evaluate("[a, b, new C().n, d, e]")).toEqual([2, 2, 2, 5, undefined]);
  });

  it("refuses to assign to a constant, in later code too", async () => {
    const scope = new EvalScope();
    await scope.execute("const c = 1; let changeable = 1");
    for (const code of ["c = 2", "c++", "c += 1", "[c] = [3]", "for (c of [1]);", "const z = 1; z = 2"]) {
      const error = await rejection(scope.execute(code));
      expect(error, code).toBeInstanceOf(TypeError);
      expect(error.message).toBe("Assignment to constant variable.");
    }
    expect(await scope.evaluate("c")).toBe(1);
    expect(await scope.evaluate("let c = 5; c = 6; c")).toBe(6);
  });

  it("is not seen by other scopes, nor by the host", async () => {
    const [a, b] = [new EvalScope(), new EvalScope()];
    await a.execute("let secret = 1; function own() {} undeclared = 3; var process = 'mine'");
    expect(await a.evaluate("[secret, undeclared, process]")).toEqual([1, 3, "mine"]);
    expect(await b.evaluate("[typeof secret, typeof own, typeof undeclared, typeof process]")).toEqual([
      "undefined",
      "undefined",
      "undefined",
      "object",
    ]);
    expect(["secret", "own", "undeclared"].filter((name) => name in globalThis)).toEqual([]);
  });

  it("reads and assigns the globals of the host", async () => {
    host["hostTestCount"] = 1;
    const scope = new EvalScope();
    await scope.execute("hostTestCount += 5; function later() { return hostTestLater }");
    expect(host["hostTestCount"]).toBe(6);
    host["hostTestLater"] = "made after the function";
    expect(await scope.evaluate("later()")).toBe("made after the function");
    await scope.execute("globalThis.hostTestMade = 2; hostTestLater = 'changed'");
    expect([host["hostTestMade"], host["hostTestLater"]]).toEqual([2, "changed"]);
  });

  it("hides a global of the host once it declares the name, in code seen before too", async () => {
    host["hostTestName"] = "host";
    const scope = new EvalScope();
    expect(await scope.evaluate("hostTestName")).toBe("host");
    await scope.execute("let hostTestName = 'own'");
    expect(await scope.evaluate("hostTestName")).toBe("own");
    expect(host["hostTestName"]).toBe("host");
  });

  it("has the names given to it, and require", async () => {
    const scope = new EvalScope({ names: { peer: { id: 7 } } });
    expect(await scope.evaluate("peer.id + require('node:path').sep.length")).toBe(8);
  });

  it("names functions after what they are assigned to", async () => {
    const scope = new EvalScope();
    await scope.execute(
      "const f = () => 1; let g; g = function () {}; const { h = class {} } = {}; const k = async () => {}",
    );
    expect(await scope.evaluate("[f, g, h, k].map((fn) => fn.name)")).toEqual(["f", "g", "h", "k"]);
  });

  it("calls functions without a this", async () => {
    const scope = new EvalScope();
    await scope.execute("function strict() { 'use strict'; return this } function sloppy() { return this }");
    expect(await scope.evaluate("[strict(), sloppy() === globalThis]")).toEqual([undefined, true]);
  });

  it("treats names of Object.prototype as ordinary names", async () => {
    const scope = new EvalScope();
    await scope.execute("let constructor = 1, hasOwnProperty = 2");
    expect(await scope.evaluate("constructor + hasOwnProperty")).toBe(3);
    expect(Object.hasOwn({} as object, "x")).toBe(false);
  });

  it("stays correct when the same code comes again and again", async () => {
    const scope = new EvalScope();
    await scope.execute("let n = 0");
    for (let i = 1; i <= 500; i++) expect(await scope.evaluate("n += 1")).toBe(i);
    for (let i = 0; i < 500; i++) expect(await scope.evaluate(`n - ${i}`)).toBe(500 - i);
  });
});

describe("modules", () => {
  it("are imported by declarations of every form", async () => {
    const scope = new EvalScope();
    await scope.execute(`import path, { join, basename as base } from "node:path"; import * as os from 'node:os'
import "node:url";
const at = join("a", "b");`);
    expect(await scope.evaluate("[at, base(at), path.join === join, typeof os.cpus]")).toEqual([
      "a/b",
      "b",
      true,
      "function",
    ]);
    expect((await rejection(scope.execute("join = 1"))).message).toBe("Assignment to constant variable.");
  });

  it("are imported by import(), inside functions too", async () => {
    const scope = new EvalScope();
    await scope.execute("const load = async (name) => (await import(name)).sep");
    expect(await scope.evaluate("load('node:path')")).toBe("/");
    expect(await scope.evaluate("const { join } = await import('node:path'); join('x', 'y')")).toBe("x/y");
  });

  it("are found from the working directory", async () => {
    const scope = new EvalScope();
    expect(await scope.evaluate("import { parse } from 'acorn'; parse('1', { ecmaVersion: 6 }).type")).toBe(
      "Program",
    );
    expect(await scope.evaluate("import p from './package.json' with { type: 'json' }; p.name")).toBe(
      "tcp-connector",
    );
  });

  it("that are missing, or lack the export, say so", async () => {
    const scope = new EvalScope();
    expect((await rejection(scope.execute("import 'no-such-package-here'"))).message).toContain(
      "no-such-package-here",
    );
    const error = await rejection(scope.execute("import { nothing } from 'node:path'"));
    expect(error.message).toBe("The requested module 'node:path' does not provide an export named 'nothing'");
  });
});

describe("errors", () => {
  it("are those that were thrown", async () => {
    const thrown = Object.assign(new RangeError("mine"), { code: 7 });
    const scope = new EvalScope({ names: { thrown } });
    expect(await rejection(scope.evaluate("throw thrown"))).toBe(thrown);
    expect(await rejection(scope.execute("throw null"))).toBe(null);
  });

  it("of unknown names are ReferenceErrors, also in assignments that read", async () => {
    const scope = new EvalScope();
    for (const code of ["unknownName", "unknownName()", "unknownName += 1", "new unknownName()"]) {
      const error = await rejection(scope.evaluate(code));
      expect(error, code).toBeInstanceOf(ReferenceError);
      expect(error.message).toBe("unknownName is not defined");
    }
    expect(await scope.evaluate("typeof unknownName")).toBe("undefined");
  });

  it("speak of the code as it was written", async () => {
    const scope = new EvalScope();
    await scope.execute("let notCallable = 1, nothing");
    expect((await rejection(scope.evaluate("notCallable()"))).message).toBe("notCallable is not a function");
    expect((await rejection(scope.evaluate("new notCallable()"))).message).toBe(
      "notCallable is not a constructor",
    );
    const error = await rejection(scope.evaluate("nothing.x"));
    expect(error.message).toBe("Cannot read properties of undefined (reading 'x')");
    expect((await rejection(scope.evaluate("[...notCallable]"))).stack).not.toContain("$connector");
  });

  it("have the line of the snippet in their stack", async () => {
    const scope = new EvalScope();
    const code = "import 'node:path'\nlet a = 1\n\nfunction boom() {\n  throw new Error('boom')\n}\nboom()";
    const error = await rejection(scope.execute(code));
    expect(error.stack).toContain("at boom (connector:exec:5:9)");
    expect(error.stack).toMatch(/connector:exec:7:/);
    const later = await rejection(scope.evaluate("1\nboom()"));
    expect(later.stack).toContain("at boom (connector:exec:5:9)");
    expect(later.stack).toMatch(/connector:eval:2:/);
  });

  it("of unknown names point at the snippet, not into the library", async () => {
    const error = await rejection(new EvalScope().evaluate("1;\n  unknownName + 1"));
    expect(error.stack?.split("\n")[1]).toContain("connector:eval:2:");
  });

  it("of syntax show line and caret", async () => {
    const scope = new EvalScope();
    const error = await rejection(scope.evaluate("let a = 1\nlet = 2 2\n"));
    expect(error).toBeInstanceOf(SyntaxError);
    expect(error.stack).toMatch(/^connector:eval:2\nlet = 2 2\n {8}\^\n\nSyntaxError: /);
    expect(error.message).toContain("(line 2, column 9)");
    for (const code of [
      "{ a: ",
      "export const a = 1",
      "a) + (b",
      "await = ",
      "let x; let x",
      "}); (() => {",
    ]) {
      expect(await rejection(scope.evaluate(code)), code).toBeInstanceOf(SyntaxError);
      expect(await rejection(scope.execute(code)), code).toBeInstanceOf(SyntaxError);
    }
    expect(await rejection(scope.evaluate("import.meta.url"))).toBeInstanceOf(SyntaxError);
  });

  it("of one snippet leave the scope in order", async () => {
    const scope = new EvalScope();
    await rejection(scope.execute("let kept = 1; throw new Error('x'); let never = 2"));
    expect(await scope.evaluate("[kept, never]")).toEqual([1, undefined]);
  });
});

describe("a function of the scope", () => {
  it("travels by value, unless it uses names of the scope: those are captured", async () => {
    const scope = new EvalScope({ names: { peer: 1 } });
    const double = (await scope.evaluate("let total = 0; (n) => n * 2 + Math.abs(0)")) as AnyFunction;
    const arrived = revive(capture(double, "value"));
    expect(Reflect.apply(arrived, undefined, [4])).toBe(8);
    const adding = (await scope.evaluate("(n) => total += n + peer")) as AnyFunction;
    expect(() => capture(adding, "value")).toThrow(/it uses total and peer of the code around it/);
  });
});

describe("strictness", () => {
  it("is asked for by the directive, or by import declarations", async () => {
    const scope = new EvalScope();
    const probe = "(function () { return this === undefined })()";
    expect(await scope.evaluate(probe)).toBe(false);
    expect(await scope.evaluate(`"use strict"; ${probe}`)).toBe(true);
    expect(await scope.evaluate(`import "node:path"; ${probe}`)).toBe(true);
  });
});

describe("resolve", () => {
  it("finds functions of the scope and of the host, with their this", async () => {
    host["hostTestService"] = new (class {
      base = 10;
      add(n: number): number {
        return this.base + n;
      }
    })();
    const scope = new EvalScope();
    await scope.execute(
      "function double(n) { return n * 2 } const nested = { deep: { fn() { return this === nested.deep } } }",
    );
    expect(scope.resolve("double")?.(4)).toBe(8);
    expect(scope.resolve("nested.deep.fn")?.()).toBe(true);
    expect(scope.resolve("Math.max")?.(1, 5)).toBe(5);
    expect(scope.resolve("hostTestService.add")?.(1)).toBe(11);
    expect(scope.functionNames()).toEqual(["require", "double"]);
  });

  it("prefers the scope's own function to a global of that name", async () => {
    const scope = new EvalScope();
    await scope.execute("function parseInt() { return 'own' }");
    expect(scope.resolve("parseInt")?.("7")).toBe("own");
    expect(new EvalScope().resolve("parseInt")?.("7")).toBe(7);
  });

  it("finds nothing behind constructors, prototypes of the scope, or what is no function", async () => {
    const scope = new EvalScope();
    await scope.execute("const o = { f() {} }; let empty");
    const names = [
      "",
      ".",
      "o",
      "o.g.h",
      "empty.x",
      "o.f.constructor",
      "console.__proto__.toString",
      "toString",
    ];
    for (const name of [...names, "hasOwnProperty", "constructor", "Math.PI", "nobody", "o.constructor"]) {
      expect(scope.resolve(name), name).toBeUndefined();
    }
  });
});
