import { Script } from "node:vm";
import { failure } from "../../core/errors.ts";
import {
  type CapturedFunction,
  type CapturedName,
  type CapturedSource,
  type RevivedFunction,
  rememberForm,
} from "../captured-function.ts";
import { programModules } from "./program-modules.ts";

/** What a revived function finds besides the globals. */
export const PROVIDED = {
  require: "require",
  import: "__load", // as long as the keyword, which scripts of node:vm cannot use
  esbuildName: "__name", // esbuild and tsx: keeps the names of inner functions
  vitestImport: "__vite_ssr_dynamic_import__",
} as const;

type Factory = (...provided: unknown[]) => unknown;

const MAX_COMPILED = 1000;
const compiled = new Map<string, Factory>();
const REFUSED: ReadonlySet<string> = new Set(["__proto__", "constructor"]);

function nameFunction(fn: object, name: string): object {
  return Object.defineProperty(fn, "name", { value: name, configurable: true });
}

function factoryOf({ text, name, strict }: CapturedSource): Factory {
  const key = `${strict} ${name} ${text}`;
  const known = compiled.get(key);
  if (known) return known;
  const directive = strict ? '"use strict";' : "";
  const code = `(function (${Object.values(PROVIDED).join(", ")}) {${directive} return (\n${text}\n); })`;
  const filename = `connector:${name.slice(0, 100).replace(/[\s():]+/g, "_") || "anonymous"}`;
  const factory = new Script(code, { filename, lineOffset: -1 }).runInThisContext() as Factory;
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(key, factory);
  return factory;
}

function reviveSource(captured: CapturedSource): RevivedFunction {
  const modules = programModules();
  let fn: unknown;
  try {
    fn = factoryOf(captured)(modules.require, modules.import, nameFunction, modules.import);
  } catch (error) {
    const reason = `the function "${captured.name}" cannot be compiled here: ${String(error)}`;
    throw failure("CNR_ERR_UNDECODABLE", { reason }, error);
  }
  if (typeof fn !== "function") {
    throw failure("CNR_ERR_UNDECODABLE", { reason: `"${captured.name}" is no function` });
  }
  if (typeof fn.name === "string" && fn.name !== captured.name) nameFunction(fn, captured.name);
  return fn as RevivedFunction;
}

/** Own properties only, so that no path leads from a function to its constructor or into a prototype. */
function reviveName({ module, path }: CapturedName): RevivedFunction {
  const steps = path.split(".");
  let value: unknown = module === "" ? globalThis : process.getBuiltinModule(module);
  for (const step of steps) {
    const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    const isOwn = isObject && !REFUSED.has(step) && Object.hasOwn(value as object, step);
    value = isOwn ? (value as Record<string, unknown>)[step] : undefined;
  }
  if (typeof value === "function") return value as RevivedFunction;
  const place = module === "" ? "among the globals" : `in ${module}`;
  throw failure("CNR_ERR_UNDECODABLE", { reason: `there is no function ${path} ${place} here` });
}

/**
 * Makes a function of its portable form. Compiles, and for a class evaluates it, so call this only where the other
 * side may run code. Source is compiled once for all functions with the same text and runs at full speed; stack
 * traces name it `connector:<name>`, with lines counted from its first.
 *
 * @throws `CNR_ERR_UNDECODABLE` where it is no function, uses newer syntax, or names what is not here
 */
export function revive(captured: CapturedFunction): RevivedFunction {
  if (captured.kind === "name") return reviveName(captured);
  const fn = reviveSource(captured);
  rememberForm(fn, captured);
  return fn;
}
