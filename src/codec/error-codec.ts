import type { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { ConnectorError, failure, isErrorCode, RemoteError } from "../core/errors.ts";
import { Extension } from "./extension-types.ts";
import type { ValueDecoder } from "./value-decoder.ts";
import type { ValueEncoder } from "./value-encoder.ts";

/** A stack longer than this is cut: it is for people. */
const MAX_STACK_CHARACTERS = 16_384;

const BUILT_IN: ReadonlyMap<string, new (message: string) => Error> = new Map<
  string,
  new (
    message: string,
  ) => Error
>([
  ["Error", Error],
  ["TypeError", TypeError],
  ["RangeError", RangeError],
  ["SyntaxError", SyntaxError],
  ["ReferenceError", ReferenceError],
  ["EvalError", EvalError],
  ["URIError", URIError],
]);

/** Fields with a place of their own; all others travel as own fields. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"]);

/**
 * Class name, name, message, stack, then flags and what they announce: cause, errors (AggregateError), own fields.
 * The class of an error that is no built-in is the nearest built-in that it extends.
 */
export function writeError(encoder: ValueEncoder, writer: ByteWriter, error: Error): void {
  const hasCause = Object.hasOwn(error, "cause");
  const errors = error instanceof AggregateError ? error.errors : undefined;
  const fields = Object.keys(error).filter((key) => !KNOWN_FIELDS.has(key) && isSendable(error, key));
  writer.escape(Extension.error);
  writer.string(classOf(error));
  writer.string(String(error.name));
  writer.string(String(error.message));
  writer.string(typeof error.stack === "string" ? error.stack.slice(0, MAX_STACK_CHARACTERS) : "");
  writer.uint((hasCause ? 1 : 0) | (errors ? 2 : 0));
  if (hasCause) encoder.writeAt(writer, "cause", error.cause);
  if (errors) encoder.writeAt(writer, "errors", errors);
  writer.uint(fields.length);
  for (const key of fields) {
    writer.string(key);
    encoder.writeAt(writer, key, (error as unknown as Record<string, unknown>)[key]);
  }
}

/** A method or a symbol on an error must not keep the error itself from arriving. */
function isSendable(error: Error, key: string): boolean {
  const type = typeof (error as unknown as Record<string, unknown>)[key];
  return type !== "function" && type !== "symbol";
}

function classOf(error: Error): string {
  if (error instanceof AggregateError) return "AggregateError";
  if (typeof DOMException === "function" && error instanceof DOMException) return "DOMException";
  if (ConnectorError.is(error)) return "ConnectorError";
  for (let type: unknown = Object.getPrototypeOf(error); type; type = Object.getPrototypeOf(type)) {
    const { name } = (type as { constructor: { name: string } }).constructor;
    if (BUILT_IN.has(name)) return name === "Error" && error.name !== "Error" ? "RemoteError" : name;
  }
  return "Error";
}

/** @param register - called before anything inside the error is read, so that a cause may lead back to it */
export function readError(
  decoder: ValueDecoder,
  reader: ByteReader,
  register: (error: Error) => void,
): Error {
  const className = reader.key();
  const name = reader.string();
  const message = reader.string();
  const stack = reader.string();
  const error = makeError(className, name, message);
  register(error);
  define(error, "stack", stack || `${name}: ${message}`);
  const flags = reader.uint();
  if (flags & 1) define(error, "cause", decoder.read(reader));
  if (flags & 2) define(error, "errors", decoder.read(reader));
  for (let left = reader.count(2); left > 0; left--) {
    const key = reader.key();
    const value = decoder.read(reader);
    if (!KNOWN_FIELDS.has(key)) define(error, key, value, true);
  }
  if (className === "ConnectorError") becomeConnectorError(error);
  return error;
}

/** A real error of its class, whose constructor is not run with anything but the message. */
function makeError(className: string, name: string, message: string): Error {
  if (className === "AggregateError") return withName(new AggregateError([], message), name);
  if (className === "DOMException") return new DOMException(message, name);
  const builtIn = BUILT_IN.get(className);
  if (builtIn) return withName(new builtIn(message), name);
  const error = new RemoteError("CNR_ERR_REMOTE", { details: { reason: message } });
  // Its code is its sender's or none: a user's error has no code of ours.
  for (const key of ["code", "retryable", "details"]) Reflect.deleteProperty(error, key);
  define(error, "message", message);
  return withName(error, name);
}

/** Our own errors come back as what they are, so that `instanceof` and codes work across the link. */
function becomeConnectorError(error: Error): void {
  const { code, details } = error as unknown as { code?: unknown; details?: unknown };
  if (!isErrorCode(code)) return;
  const ours = failure(code);
  // The same object, not a new one: its own cause may lead back to it.
  Object.setPrototypeOf(error, Object.getPrototypeOf(ours) as object);
  define(error, "retryable", ours.retryable, true);
  define(error, "details", typeof details === "object" && details !== null ? details : {}, true);
}

function withName(error: Error, name: string): Error {
  if (error.name !== name) define(error, "name", name);
  return error;
}

function define(error: Error, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}
