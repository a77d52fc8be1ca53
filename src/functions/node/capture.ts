import { types } from "node:util";
import { failure } from "../../core/errors.ts";
import { type AnyFunction, type CapturedFunction, formOf, rememberForm } from "../captured-function.ts";
import { builtInName } from "./built-in-names.ts";
import { type FreeVariables, freeVariablesOf } from "./free-variables.ts";
import { type FunctionText, parseFunction } from "./function-text.ts";
import { PROVIDED } from "./revive.ts";

/** What capture found out about a source text: it is the same for all functions with that text. */
interface Analysed {
  readonly strict: boolean;
  /** The expression that gives the function where it is revived. */
  readonly text: string;
  /** The names it uses and does not declare; which of them are globals may change. */
  readonly freeNames: readonly string[];
  readonly unsendable: string | undefined;
}

const MAX_ANALYSED = 1000;
const analysed = new Map<string, Analysed>();

const NATIVE = /\{\s*\[native code\]\s*\}$/;
const RELATIVE = /^(?:\.{0,2}\/|\.{1,2}$|#|file:)/;
/** How vitest writes an imported name, and our own `exec` a name of its scope: `__vi_import_0__.name`. */
const REWRITTEN = /^(?:__vi(?:te_ssr)?_import_\d+__|\$connector(?:Guard)?)$/;

const SURROUNDINGS: Readonly<Record<string, string>> = {
  this: "it uses `this` of the code around it: write a normal function, or pass what it needs as an argument",
  arguments: "it uses `arguments` of the function around it: pass them, or take `...args` itself",
  super: "it uses `super`, which belongs to an object that stays here: pass what it needs as an argument",
  "new.target": "it uses `new.target` of the function around it: pass it as an argument",
};

function reasonAgainst(free: FreeVariables): string | undefined {
  const [surrounding] = free.surroundings;
  if (surrounding !== undefined) return SURROUNDINGS[surrounding];
  if (free.directEval) return "it calls eval(), which may use any variable around it: use (0, eval)(code)";
  if (free.importMeta)
    return "it uses import.meta, which belongs to its module: pass what it needs as an argument";
  const specifiers = [...free.imports.map(({ specifier }) => specifier ?? ""), ...free.requires];
  const relative = specifiers.find((specifier) => specifier !== "" && RELATIVE.test(specifier));
  if (relative === undefined) return undefined;
  return `it imports "${relative}", a file of this program: import packages and node: modules only`;
}

function sourceOf(text: string, { offset, methodKey }: FunctionText, free: FreeVariables): string {
  let source = text;
  // As long as the word it replaces, so that columns in stack traces stay true.
  for (const { start } of free.imports) {
    const at = start - offset;
    source = source.slice(0, at) + PROVIDED.import + source.slice(at + PROVIDED.import.length);
  }
  if (!methodKey) return source;
  const key = "m".padEnd(methodKey.end - methodKey.start);
  return `({${source.slice(0, methodKey.start)}${key}${source.slice(methodKey.end)}\n}).m`;
}

function freeNamesOf(text: string, { offset }: FunctionText, { references }: FreeVariables): string[] {
  const names = references.flatMap(({ name, end, role }) => {
    if (role === "typeof" || Object.values<string>(PROVIDED).includes(name)) return [];
    const member = REWRITTEN.test(name) ? /^\.([\w$]+)/.exec(text.slice(end - offset)) : null;
    return [member?.[1] ?? name];
  });
  return [...new Set(names)];
}

function analyse(text: string, sloppy: boolean): Analysed {
  const strictText = sloppy ? undefined : parseFunction(text, true);
  const parsed = strictText ?? parseFunction(text, false);
  const strict = strictText !== undefined;
  if (!parsed) {
    const reason =
      "it is a getter, a setter or uses private names of its class: wrap it in a function of its own";
    return { strict, text, freeNames: [], unsendable: reason };
  }
  const free = freeVariablesOf(parsed.node, { isMethod: parsed.methodKey !== undefined, sloppy: !strict });
  return {
    strict,
    text: sourceOf(text, parsed, free),
    freeNames: freeNamesOf(text, parsed, free),
    unsendable: reasonAgainst(free),
  };
}

/** Strict functions, and all that are not plain `function`s, throw for `caller`. */
function isSloppy(fn: AnyFunction): boolean {
  try {
    Reflect.get(fn, "caller");
    return true;
  } catch {
    return false;
  }
}

function analysisOf(fn: AnyFunction, text: string): Analysed {
  const sloppy = isSloppy(fn);
  const key = sloppy ? `sloppy ${text}` : text;
  let known = analysed.get(key);
  if (known) return known;
  known = analyse(text, sloppy);
  if (analysed.size >= MAX_ANALYSED) analysed.clear();
  analysed.set(key, known);
  return known;
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

function nativeReason(fn: AnyFunction): string {
  if (types.isProxy(fn)) return "it is a Proxy: send the function behind it";
  if (fn.name.startsWith("bound ")) {
    return "it is a bound function: send the function itself, and its `this` and arguments beside it";
  }
  return "it is native code that no other program knows by name: call it inside a function of your own";
}

/**
 * The portable form of a function that needs nothing but its arguments and globals: its source, or for a built-in
 * its name. Properties set on the function do not travel. Globals mean those of the program where it is called.
 *
 * @param path where the function stands, for the error: `value.jobs[3].run`
 * @throws `CNR_ERR_CAPTURES` naming each variable that it takes from the code around it;
 *   `CNR_ERR_UNSENDABLE` for what cannot leave its place: `this` of an arrow function, bound functions, ...
 */
export function capture(fn: AnyFunction, path: string): CapturedFunction {
  const known = formOf(fn);
  if (known) return known;
  const captured = builtInName(fn) ?? captureSource(fn, path);
  rememberForm(fn, captured);
  return captured;
}

function captureSource(fn: AnyFunction, path: string): CapturedFunction {
  const source = Function.prototype.toString.call(fn);
  if (NATIVE.test(source)) throw failure("CNR_ERR_UNSENDABLE", { path, reason: nativeReason(fn) });
  const { text, strict, freeNames, unsendable } = analysisOf(fn, source);
  if (unsendable !== undefined) throw failure("CNR_ERR_UNSENDABLE", { path, reason: unsendable });
  const captures = freeNames.filter((name) => !(name in globalThis));
  if (captures.length > 0) throw failure("CNR_ERR_CAPTURES", { path, names: listed(captures) });
  return { kind: "source", text, name: typeof fn.name === "string" ? fn.name : "", strict };
}
