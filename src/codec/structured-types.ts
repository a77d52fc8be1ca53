import { malformed, type ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { Extension, TYPED_ARRAYS } from "./extension-types.ts";
import type { ValueEncoder } from "./value-encoder.ts";

/** Objects that live in one process only, by what Object.prototype.toString says of them. */
const LOCAL_ONLY = new Set([
  "Promise",
  "WeakMap",
  "WeakSet",
  "WeakRef",
  "FinalizationRegistry",
  "Generator",
  "AsyncGenerator",
  "Map Iterator",
  "Set Iterator",
  "Array Iterator",
  "String Iterator",
  "RegExp String Iterator",
  "AbortController",
  "AbortSignal",
  "MessagePort",
  "SharedArrayBuffer",
  "Atomics",
  "Module",
]);

/**
 * Writes the built-in classes that the structured clone algorithm knows; false for an object of the user's own class.
 * https://developer.mozilla.org/docs/Web/API/Web_Workers_API/Structured_clone_algorithm
 */
export function writeStructured(encoder: ValueEncoder, writer: ByteWriter, value: object): boolean {
  if (ArrayBuffer.isView(value)) writeView(writer, value);
  else if (value instanceof Map) writeMap(encoder, writer, value);
  else if (value instanceof Set) writeSet(encoder, writer, value);
  else if (value instanceof Date) writeDate(writer, value);
  else if (value instanceof RegExp) writeRegExp(writer, value);
  else if (value instanceof ArrayBuffer) writeBuffer(writer, value);
  else if (isBoxed(value)) writeBoxed(encoder, writer, value);
  else {
    refuseLocal(encoder, value);
    return false;
  }
  return true;
}

function writeView(writer: ByteWriter, value: ArrayBufferView): void {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Uint8Array) return writer.binary(bytes);
  writer.escape(Extension.typedArray);
  writer.uint(TYPED_ARRAYS.findIndex((type) => value instanceof type));
  writer.binary(bytes);
}

function writeMap(encoder: ValueEncoder, writer: ByteWriter, value: ReadonlyMap<unknown, unknown>): void {
  writer.escape(Extension.map);
  writer.uint(value.size);
  let index = 0;
  for (const [key, item] of [...value]) {
    encoder.writeAt(writer, `key ${index}`, key);
    encoder.writeAt(writer, typeof key === "string" ? key : `entry ${index}`, item);
    index++;
  }
}

function writeSet(encoder: ValueEncoder, writer: ByteWriter, value: ReadonlySet<unknown>): void {
  writer.escape(Extension.set);
  writer.uint(value.size);
  let index = 0;
  for (const item of [...value]) encoder.writeAt(writer, index++, item);
}

function writeDate(writer: ByteWriter, value: Date): void {
  writer.escape(Extension.date);
  writer.float(value.getTime());
}

function writeRegExp(writer: ByteWriter, value: RegExp): void {
  writer.escape(Extension.regexp);
  writer.string(value.source);
  writer.string(value.flags);
}

function writeBuffer(writer: ByteWriter, value: ArrayBuffer): void {
  writer.escape(Extension.arrayBuffer);
  writer.binary(new Uint8Array(value));
}

// biome-ignore lint/complexity/noBannedTypes: boxed primitives are what is looked for
type Boxed = Number | String | Boolean | BigInt;

function isBoxed(value: object): value is Boxed {
  return value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt;
}

function writeBoxed(encoder: ValueEncoder, writer: ByteWriter, value: Boxed): void {
  writer.escape(Extension.boxed);
  encoder.write(writer, value.valueOf());
}

/** A handle of this process (a socket, a stream, an emitter) would arrive as a dead copy of its fields. */
function refuseLocal(encoder: ValueEncoder, value: object): void {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const name = (value.constructor as { name?: string } | undefined)?.name || tag;
  if (LOCAL_ONLY.has(tag)) throw encoder.unsendable(`a ${name} lives in its process only`);
  const { on, emit, addEventListener, then } = value as Record<string, unknown>;
  if (typeof on === "function" && typeof emit === "function") {
    throw encoder.unsendable(`a ${name} lives in its process only: create it on the other side`);
  }
  if (typeof addEventListener === "function") throw encoder.unsendable(`a ${name} lives in its process only`);
  if (typeof then === "function") throw encoder.unsendable(`a ${name} is a promise: await it first`);
}

/**
 * The bytes of a binary. A short one is copied: it must not keep the whole received chunk alive, nor show the bytes around it.
 * A long one came as an attachment, which nobody else holds.
 */
export function readBytes(reader: ByteReader): Uint8Array<ArrayBuffer> {
  const bytes = reader.binary() as Uint8Array<ArrayBuffer>;
  if (bytes.buffer === reader.bytes.buffer) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function readTypedArray(reader: ByteReader): ArrayBufferView {
  const type = TYPED_ARRAYS[reader.uint()];
  if (!type) throw malformed("an unknown typed array");
  const size = "BYTES_PER_ELEMENT" in type ? type.BYTES_PER_ELEMENT : 1;
  let bytes = readBytes(reader);
  if (bytes.byteLength % size !== 0) throw malformed("a typed array of a broken element");
  if (bytes.byteOffset % size !== 0) bytes = bytes.slice();
  const make = type as new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView;
  return new make(bytes.buffer, bytes.byteOffset, bytes.byteLength / size);
}

export function readArrayBuffer(reader: ByteReader): ArrayBuffer {
  const bytes = readBytes(reader);
  return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
}

export function readRegExp(reader: ByteReader): RegExp {
  try {
    return new RegExp(reader.string(), reader.string());
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : "a broken regular expression");
  }
}

export function readBigint(reader: ByteReader): bigint {
  const isNegative = reader.boolean();
  const digits = reader.string();
  if (!/^[0-9a-f]+$/.test(digits)) throw malformed("a broken bigint");
  const magnitude = BigInt(`0x${digits}`);
  return isNegative ? -magnitude : magnitude;
}

export function readUtf16(reader: ByteReader): string {
  const bytes = readBytes(reader);
  let text = "";
  for (let n = 0; n + 1 < bytes.length; n += 2) {
    text += String.fromCharCode((bytes[n] as number) | ((bytes[n + 1] as number) << 8));
  }
  return text;
}

export function readBoxed(value: unknown): object {
  if (typeof value === "object" || value === undefined) throw malformed("a broken boxed value");
  return Object(value) as object;
}
