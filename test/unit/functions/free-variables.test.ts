import { describe, expect, it } from "vitest";
import { freeVariablesOf, freeVariablesOfProgram } from "../../../src/functions/node/free-variables.ts";
import { parseFunction } from "../../../src/functions/node/function-text.ts";
import { parseScript } from "../../../src/functions/node/parser.ts";

function analyse(text: string, strict = true) {
  const parsed = parseFunction(text, strict);
  if (!parsed) throw new Error(`cannot parse ${text}`);
  return freeVariablesOf(parsed.node, { isMethod: parsed.methodKey !== undefined, sloppy: !strict });
}

function freeNames(text: string, strict = true): string {
  return [...new Set(analyse(text, strict).references.map(({ name }) => name))].join(" ");
}

describe("free names of a function", () => {
  const cases: Record<string, [text: string, free: string]> = {
    "parameters and locals": ["(a, b) => { const c = a; let d; var e; return a + b + c + d + e }", ""],
    "plain uses": ["() => x + y(z)", "x y z"],
    "its own name": ["function fact(n) { return n ? n * fact(n - 1) : 1 }", ""],
    "its own name, as a class": ["class A { static make() { return new A() } }", ""],
    "property names, which are none": ["(o) => ({ a: o.b, c() {}, get d() { return 1 }, ['e']: o?.f })", ""],
    "computed names": ["(o) => ({ [a]: 1, [b]() {} })[c]", "a b c"],
    "shorthand properties": ["() => ({ a, b })", "a b"],
    "default values": ["(a = x, { b = y, [z]: c } = {}) => a + b + c", "x y z"],
    "a default value, whose names are not those of the body": [
      "function f(a = x) { var x = 1; return a + x }",
      "x",
    ],
    destructuring: [
      "(o) => { const { a, b: { c = d }, ...e } = o; const [f, , ...g] = o; return [a, c, e, f, g] }",
      "d",
    ],
    "assignment by destructuring": ["(o) => { ({ a, b: c.d, ...e } = o); [f, g.h = i] = o }", "a c e f g i"],
    "hoisted vars and functions": ["() => { use(a, f); if (1) { var a = 1 } function f() {} }", "use"],
    "a var of a loop, after it": ["(xs) => { for (var x of xs) {} return x }", ""],
    "a let of a loop, after it": ["(xs) => { for (const x of xs) {} return x }", "x"],
    "a loop over an outer name": ["(xs) => { for (x of xs); for (y.z in xs); }", "x y"],
    "a block, after it": ["() => { { let a = 1; class B {} a } return [a, B] }", "a B"],
    "switch cases": ["(v) => { switch (v) { case w: let a = 1; break; default: a } return a }", "w a"],
    catch: ["() => { try {} catch ({ message, code = d }) { message; code } return message }", "d message"],
    "a catch without a name": ["() => { try { a } catch { b } finally { c } }", "a b c"],
    labels: ["() => { outer: for (;;) { for (;;) { break outer; continue outer } } }", ""],
    typeof: ["() => typeof a", "a"],
    templates: ["(v) => tag`$" + "{v}-$" + "{w}`", "tag w"],
    "nested functions": [
      "() => { const a = 1; return () => { const b = a; return (c) => a + b + c + d } }",
      "d",
    ],
    "a named function expression": ["() => { const f = function g() { return g }; return [f, g] }", "g"],
    classes: [
      "() => class extends Base { [key] = value; static s = this.t; #p = 1; m() { return this.#p + q } }",
      "Base key value q",
    ],
    "a class, which its heritage may not be": [
      "() => { class A extends A2 { n() { return A } } return A }",
      "A2",
    ],
    "static blocks": ["() => class { static { var a = 1; let b = c; a; b } }", "c"],
    "a var of a static block, outside it": ["() => { class K { static { var a } } return a }", "a"],
    "new and spread": ["() => new A(...b)", "A b"],
    "optional chains": ["() => a?.b?.[c]?.(d)", "a c d"],
    updates: ["() => { a++; b += 1; c ||= 2 }", "a b c"],
    "a parameter called arguments": ["(arguments_) => arguments_", ""],
    "a generator": ["function* g() { yield a; yield* b }", "a b"],
    "an async generator": ["async function* g() { for await (const x of a) yield x; await b }", "a b"],
    "a method": ["m(x) { return x + y }", "y"],
    "a method with a computed name": ["async *[Symbol.iterator](x) { yield y }", "y"],
  };
  for (const [name, [text, free]] of Object.entries(cases)) {
    it(`are right for ${name}`, () => {
      expect(freeNames(text)).toBe(free);
    });
  }

  it("follow strict mode for functions in blocks", () => {
    const text = "function f() { { function g() {} } return g }";
    expect(freeNames(text, true)).toBe("g");
    expect(freeNames(text, false)).toBe("");
  });

  it("are found in deep nesting", () => {
    const depth = 200;
    expect(freeNames(`${"() => { ".repeat(depth)} return deep ${"}".repeat(depth)}`)).toBe("deep");
  });
});

describe("what belongs to the code around", () => {
  const cases: Record<string, [text: string, surroundings: string]> = {
    "this of an arrow": ["() => this.x", "this"],
    "this of a function": ["function f() { return () => this }", ""],
    "this of a method": ["m() { return this }", ""],
    "this inside a class": ["() => class { a = this; m() { return this } static { this } }", ""],
    "this in a computed key or heritage of a class": [
      "() => class extends this.Base { [this.key]() {} }",
      "this",
    ],
    "arguments of an arrow": ["() => arguments[0]", "arguments"],
    "arguments of a function": ["function f() { return () => arguments }", ""],
    "super of a lone method": ["m() { return super.m() }", "super"],
    "super in an arrow of a method": ["m() { return () => super.m() }", "super"],
    "super of an arrow": ["() => super.m()", "super"],
    "super inside a class": [
      "class A extends Object { constructor() { super() } m() { return super.m() } }",
      "",
    ],
    "super inside an object": ["() => ({ m() { return super.toString() } })", ""],
    "new.target of an arrow": ["() => new.target", "new.target"],
    "new.target of a function": ["function F() { return new.target }", ""],
  };
  for (const [name, [text, surroundings]] of Object.entries(cases)) {
    it(`is told for ${name}`, () => {
      expect([...analyse(text).surroundings].join(" ")).toBe(surroundings);
    });
  }

  it("is told for direct eval and import.meta only", () => {
    expect(analyse("() => eval('x')").directEval).toBe(true);
    expect(analyse("() => (0, eval)('x')").directEval).toBe(false);
    expect(analyse("(eval2) => eval2('x')").directEval).toBe(false);
    expect(analyse("function f(eval) { return eval('x') }", false).directEval).toBe(false);
    expect(analyse("() => import.meta.url").importMeta).toBe(true);
    expect(analyse("() => new.target").importMeta).toBe(false);
  });

  it("names what is imported and required", () => {
    const free = analyse("async (n) => { await import('a'); await import(n); require('b'); require(n) }");
    expect(free.imports.map(({ specifier }) => specifier)).toEqual(["a", undefined]);
    expect(free.requires).toEqual(["b"]);
    expect(analyse("(require) => require('./mine')").requires).toEqual([]);
  });
});

describe("references of a program", () => {
  it("include its own declarations, with role and place", () => {
    const text = "let a = () => {}; a.b = typeof c; d(); ({ e, f: g } = { h }); i++; function j() { a }";
    const { references } = freeVariablesOfProgram(parseScript(text));
    const seen = references.map(({ name, role, shorthand }) => `${name} ${role}${shorthand ? " short" : ""}`);
    expect(seen).toEqual([
      "a declaration",
      "a value",
      "c typeof",
      "d callee",
      "e write short",
      "g write",
      "h value short",
      "i write",
      "a value",
    ]);
    for (const { name, start, end } of references) expect(text.slice(start, end)).toBe(name);
    expect(references[0]?.names?.type).toBe("ArrowFunctionExpression");
  });
});
