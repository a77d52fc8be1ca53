import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";

/** A function as its source: an expression that gives it, and needs only globals. */
export interface CapturedSource {
  readonly kind: "source";
  readonly text: string;
  readonly name: string;
  readonly strict: boolean;
}

/** A function that every program has: `Math.max` among the globals, `join` of "node:path". */
export interface CapturedName {
  readonly kind: "name";
  /** "" for the globals. */
  readonly module: string;
  readonly path: string;
}

/** The portable form of a function. It is only data: `revive` makes a function of it where code may run. */
export type CapturedFunction = CapturedSource | CapturedName;

/** Any function, whatever it takes. */
export type AnyFunction = (...args: never[]) => unknown;
/** A function that came from elsewhere: it takes what it is given. */
export type RevivedFunction = (...args: unknown[]) => unknown;

const Form = { name: 0, sloppySource: 1, strictSource: 2 } as const;

export function writeCapturedFunction(writer: ByteWriter, captured: CapturedFunction): void {
  if (captured.kind === "name") {
    writer.uint(Form.name);
    writer.string(captured.module);
    writer.string(captured.path);
  } else {
    writer.uint(captured.strict ? Form.strictSource : Form.sloppySource);
    writer.string(captured.name);
    writer.string(captured.text);
  }
}

/** Reads what `writeCapturedFunction` wrote; compiles nothing. Throws `CNR_ERR_UNDECODABLE`. */
export function readCapturedFunction(reader: ByteReader): CapturedFunction {
  const form = reader.uint();
  if (form === Form.name) return { kind: "name", module: reader.string(), path: reader.string() };
  if (form !== Form.sloppySource && form !== Form.strictSource) {
    throw malformed(`unknown form of a function: ${form}`);
  }
  return { kind: "source", name: reader.string(), text: reader.string(), strict: form === Form.strictSource };
}

const forms = new WeakMap<AnyFunction, CapturedFunction>();

/** The form a function had when it came or was captured: it is sent on as it is. */
export function formOf(fn: AnyFunction): CapturedFunction | undefined {
  return forms.get(fn);
}

export function rememberForm(fn: AnyFunction, captured: CapturedFunction): void {
  forms.set(fn, captured);
}
