import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { EvalScope } from "../../../src/rpc/node/eval-scope.ts";

/** Random programs over three variables: every way to declare, read, write and hide a name, and every control statement. */
class ProgramWriter {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  program(): string {
    return Array.from({ length: 1 + this.#below(5) }, () => this.#statement(2)).join("");
  }

  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  #pick(...choices: string[]): string {
    return choices[this.#below(choices.length)] ?? "";
  }

  #name(): string {
    return this.#pick("a", "b", "c");
  }

  #end(): string {
    return this.#pick(";", "\n", ";\n");
  }

  #expression(depth: number): string {
    const name = this.#name();
    const inner = (): string => this.#expression(depth - 1);
    const forms = [
      () => String(this.#below(10)),
      () => name,
      () => this.#name(),
      () => `(${inner()} + ${inner()})`,
      () => `(${name} = ${inner()})`,
      () => `${name}++`,
      () => `typeof ${this.#pick("a", "b", "missing")}`,
      () => `(({ ${name} }) => ${name} + ${this.#name()})({ ${name}: ${inner()} })`,
      () => `[${inner()}, ${this.#name()}].join("")`,
      () => `({ ${name}, x: ${inner()} }).x`,
      () => `([${name}, ${this.#name()}] = [${inner()}, 1])[0]`,
      () => `(({ ${name} = ${inner()} } = {}), ${name})`,
      () => `(function f(n) { var ${name} = n; return n > 0 ? f(n - 1) + ${this.#name()} : 0 })(2)`,
      () => `(${name} = () => ${this.#expression(0)}).name`,
      () => `(${inner()} , ${inner()})`,
      () => `(class ${name} { static s = ${this.#expression(0)}; static get() { return this.s } }).get()`,
    ];
    return forms[this.#below(depth <= 0 ? 3 : forms.length)]?.() ?? "";
  }

  #statement(depth: number): string {
    const name = this.#name();
    const inner = (): string => this.#statement(depth - 1);
    const test = (limit: number): string => `${this.#expression(1)} > ${limit}`;
    const forms = [
      () => this.#expression(2) + this.#end(),
      () => this.#expression(2) + this.#end(),
      () => `var ${name} = ${this.#expression(2)}${this.#end()}`,
      () => `if (${test(4)}) ${inner()} else ${inner()}`,
      () => `for (var i${depth} = 0; i${depth} < 3; i${depth}++) ${inner()}`,
      () =>
        `for (const q of [1, 2]) { ${inner()} ${this.#pick("", "break;", "if (q == 1) continue;")} ${inner()} }`,
      () => `{ let ${name} = 5; ${inner()} }`,
      () =>
        `try { ${inner()} ${this.#pick("", "throw 5;")} } catch (e) { ${inner()} } ${this.#pick("", "finally { 77 }")}\n`,
      () =>
        `switch (${this.#expression(1)}) { case 1: ${inner()} case 2: ${inner()} break; default: ${inner()} }`,
      () => `l${depth}: for (;;) { ${inner()} break l${depth}; }`,
      () => `do { ${inner()} } while (false)${this.#end()}`,
      () => ";",
      () => `for (${name} in { k1: 1, k2: 2 }) ${inner()}`,
      () => `for (var [${name}, w] of [[1, 2], [3, 4]]) ${inner()}`,
      () => `m${depth}: { ${inner()} if (${test(2)}) break m${depth}; ${inner()} }`,
      () => `while (fuel-- > 0) { ${inner()} if (${test(3)}) break; }`,
      () => `var { ${name}: ${this.#name()}, ...rest } = { ${name}: ${this.#expression(1)} }${this.#end()}`,
      () => `n${depth}: ${this.#statement(0)}`,
    ];
    return forms[this.#below(depth <= 0 ? 3 : forms.length)]?.() ?? "";
  }
}

const PREPARE = "var a = 1, b = 2, c = 3, fuel = 20";
const VARIABLES = "[a, b, c].map(String).join()";

/** Functions are compared by name: their text has the scope in it. */
function shown(value: unknown): string {
  const text = typeof value === "function" ? value.name : String(value);
  return `${typeof value} ${text}`.replace(/\$connector(?:Guard)?\./g, "");
}

function byEngine(code: string): string[] {
  const context = createContext({});
  runInContext(PREPARE, context);
  const results: string[] = [];
  for (const each of [code, VARIABLES]) {
    try {
      results.push(shown(runInContext(each, context)));
    } catch (error) {
      results.push((error as Error).name);
    }
  }
  return results;
}

async function byScope(code: string): Promise<string[]> {
  const scope = new EvalScope();
  await scope.execute(PREPARE);
  const value = async (each: string): Promise<string> =>
    scope.evaluate(each).then(shown, (error: unknown) => (error as Error).name);
  return [await value(code), await value(VARIABLES)];
}

describe("eval in a scope", () => {
  it("gives the values, leaves the variables and throws the errors that the engine's own eval does", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 500; seed++) {
      const code = new ProgramWriter(seed * 7919).program();
      const expected = byEngine(code);
      expect(await byScope(code), `seed ${seed}:\n${code}`).toEqual(expected);
      outcomes.add(expected.join());
    }
    expect(outcomes.size).toBeGreaterThan(200); // the programs do differ
  });
});
