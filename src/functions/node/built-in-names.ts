import { Buffer } from "node:buffer";
import { builtinModules } from "node:module";
import process from "node:process";
import type { AnyFunction, CapturedName } from "../captured-function.ts";

/**
 * The globals whose functions travel by name. The list is closed: Node makes others on first touch, even of their
 * descriptor, which takes up to a tenth of a second and may print a warning.
 */
const GLOBALS: readonly string[] = (
  "parseFloat parseInt Object Function Array Number Boolean String Symbol Date Promise RegExp Error AggregateError " +
  "EvalError RangeError ReferenceError SyntaxError TypeError URIError JSON Math Intl ArrayBuffer Atomics " +
  "Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray " +
  "BigUint64Array BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef FinalizationRegistry Proxy Reflect " +
  "SharedArrayBuffer decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape isFinite isNaN " +
  "console setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask " +
  "structuredClone atob btoa URL URLSearchParams TextEncoder TextDecoder AbortController AbortSignal Event EventTarget"
).split(" ");
/** Looked at only for a function of that name. */
const LAZY_GLOBALS: ReadonlySet<string> = new Set(["fetch", "Headers", "Request", "Response", "FormData"]);
/** Asking for these prints a deprecation. */
const DEPRECATED: ReadonlySet<string> = new Set(["punycode", "sys", "wasi"]);

const names = new Map<unknown, CapturedName>();
let modulesSeen = 0;

function ownFunctions(object: object): [key: string, fn: unknown][] {
  return Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([key, { value }]) =>
    typeof value === "function" ? [[key, value as unknown] as [string, unknown]] : [],
  );
}

function add(fn: unknown, module: string, path: string): void {
  if (!names.has(fn)) names.set(fn, { kind: "name", module, path });
}

function addAll(object: object, module: string, path: string): void {
  for (const [key, fn] of ownFunctions(object)) if (key !== "constructor") add(fn, module, `${path}${key}`);
}

function addGlobal(name: string, value: unknown): void {
  if (typeof value === "function") {
    add(value, "", name);
    const prototype: unknown = value.prototype;
    if (typeof prototype === "object" && prototype !== null) addAll(prototype, "", `${name}.prototype.`);
  } else if (typeof value !== "object" || value === null) return;
  addAll(value, "", `${name}.`);
}

function addGlobals(): void {
  for (const name of GLOBALS) addGlobal(name, Object.getOwnPropertyDescriptor(globalThis, name)?.value);
  addGlobal("Buffer", Buffer);
}

/** The modules of Node that are loaded already: a function cannot come out of another. */
function addModules(): void {
  const { moduleLoadList = [] } = process as { moduleLoadList?: readonly string[] };
  for (const entry of moduleLoadList.slice(modulesSeen)) {
    const name = entry.replace("NativeModule ", "");
    if (!builtinModules.includes(name) || name.startsWith("_") || DEPRECATED.has(name)) continue;
    const exported: unknown = process.getBuiltinModule(`node:${name}`);
    if (typeof exported === "object" && exported !== null) addAll(exported, `node:${name}`, "");
    else if (typeof exported === "function") addAll(exported, `node:${name}`, "");
  }
  modulesSeen = moduleLoadList.length;
}

/** The name by which every program knows a function, or undefined. */
export function builtInName(fn: AnyFunction): CapturedName | undefined {
  if (names.size === 0) addGlobals();
  if (!names.has(fn)) addModules();
  if (!names.has(fn) && LAZY_GLOBALS.has(fn.name)) {
    if ((globalThis as unknown as Record<string, unknown>)[fn.name] === fn) add(fn, "", fn.name);
  }
  return names.get(fn);
}
