import type { FunctionCodec } from "../codec/function-codec.ts";
import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { failure } from "../core/errors.ts";
import { notAllowed } from "../security/policy.ts";
import {
  type AnyFunction,
  type CapturedFunction,
  formOf,
  readCapturedFunction,
  rememberForm,
  writeCapturedFunction,
} from "./captured-function.ts";
import type { FunctionHost } from "./function-host.ts";
import { isBorrowed } from "./references.ts";
import { markOf } from "./travel-mark.ts";

/** How a function inside a value is written. */
export const FunctionForm = {
  value: 0,
  /** A function of the sender's, to be called back. */
  reference: 1,
  /** A function of the receiver's, which the sender holds: it comes home. */
  home: 2,
} as const;

const OUTLIVES =
  "it is marked by byReference, and dicts, queues and broadcasts outlive the link that its calls would take: " +
  "send it through a pipe or as an argument of a call, or leave byReference out";
const NOT_HERE =
  "it is a live callback of the other side, whose code is not here: through a pipe byReference(fn) lends it on";
const refusedFunctions = new WeakSet<AnyFunction>();

/**
 * Functions in dicts and queues: they outlive their sender, so they travel as their code. Reading compiles nothing; the
 * code is compiled when the function is first called, where the sender may run code.
 */
export function functionsByValue(host: FunctionHost, mayRunCode: boolean): FunctionCodec {
  return {
    write(writer, fn, path) {
      if (markOf(fn) === "reference") throw failure("CNR_ERR_UNSENDABLE", { path, reason: OUTLIVES });
      writeByValue(writer, fn, path, host);
    },
    read(reader) {
      if (reader.uint() !== FunctionForm.value)
        throw malformed("a live callback where functions travel by value");
      return readByValue(reader, host, mayRunCode);
    },
  };
}

/** Throws the `CodecError` that says why the code of this function cannot travel. */
export function writeByValue(writer: ByteWriter, fn: AnyFunction, path: string, host: FunctionHost): void {
  writer.uint(FunctionForm.value);
  writeCapturedFunction(writer, portableForm(fn, host, path));
}

export function readByValue(reader: ByteReader, host: FunctionHost, mayRunCode: boolean): AnyFunction {
  const captured = readCapturedFunction(reader);
  if (!mayRunCode) return refused(captured);
  const fn = compiledOnCall(captured, host);
  rememberForm(fn, captured);
  return fn;
}

/**
 * The form in which a function travels. One that came from somebody who may not bring code is not passed on: others would
 * run it because this side sends it.
 *
 * @param path - where the function stands in the value, for the error
 */
export function portableForm(fn: AnyFunction, host: FunctionHost, path: string): CapturedFunction {
  if (isBorrowed(fn)) throw failure("CNR_ERR_UNSENDABLE", { path, reason: NOT_HERE });
  if (refusedFunctions.has(fn)) throw notAllowed("code", `passing on ${path}, which another side has sent,`);
  return formOf(fn) ?? host.capture(fn, path);
}

function compiledOnCall(captured: CapturedFunction, host: FunctionHost): AnyFunction {
  let compiled: AnyFunction | undefined;
  const revived = (): AnyFunction => (compiled ??= host.revive(captured));
  // A class is called with `new`, and all functions may be: a plain function passes both on.
  return named(captured, function (this: unknown, ...args: unknown[]): unknown {
    return new.target ? Reflect.construct(revived(), args) : Reflect.apply(revived(), this, args);
  });
}

function refused(captured: CapturedFunction): AnyFunction {
  const fn = named(captured, () => {
    throw notAllowed("code", "running a function that the other side has sent");
  });
  refusedFunctions.add(fn);
  return fn;
}

function named(captured: CapturedFunction, fn: AnyFunction): AnyFunction {
  const name = captured.kind === "source" ? captured.name : (captured.path.split(".").at(-1) ?? "");
  return Object.defineProperty(fn, "name", { value: name, configurable: true });
}
