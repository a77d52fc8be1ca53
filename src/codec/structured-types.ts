import { type ByteReader, malformed } from "../core/byte-reader.ts";
import { ATTACHMENT_BYTES, type ByteWriter } from "../core/byte-writer.ts";
import { copyOf } from "../core/text.ts";
import { Extension, TYPED_ARRAYS } from "./extension-types.ts";
import { writeSignal } from "./signal-codec.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const UTF16_PART_BYTES = 8192;

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
  "MessagePort",
  "Symbol",
  "SharedArrayBuffer",
  "Atomics",
  "Module",
]);

/**
 * Writes the built-in classes that the structured clone algorithm knows; false for an object of the user's own class.
 * https://developer.mozilla.org/docs/Web/API/Web_Workers_API/Structured_clone_algorithm
 */
export function writeStructured(encoder: ValueEncoder, writer: ByteWriter, value: object): boolean {
  if (ArrayBuffer.isView(value)) writeView(encoder, writer, value);
  else if (value instanceof Map) writeMap(encoder, writer, value);
  else if (value instanceof Set) writeSet(encoder, writer, value);
  else if (value instanceof Date) writeDate(writer, value);
  else if (value instanceof RegExp) writeRegExp(writer, value);
  else if (value instanceof ArrayBuffer) writeBuffer(writer, value);
  else if (isBoxed(value)) writeBoxed(encoder, writer, value);
  else if (value instanceof AbortSignal) writeSignal(encoder, writer, value);
  else {
    refuseLocal(encoder, value);
    return false;
  }
  return true;
}

function writeView(encoder: ValueEncoder, writer: ByteWriter, value: ArrayBufferView): void {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Uint8Array) return writeBytes(writer, bytes);
  const type = TYPED_ARRAYS.findIndex((each) => value instanceof each);
  if (type < 0)
    throw encoder.unsendable(`a ${value.constructor.name} has no form in this version of the protocol`);
  writer.escape(Extension.typedArray);
  writer.uint(type);
  writeBytes(writer, bytes);
}

/**
 * What travels beside its message leaves later, and perhaps again over another link: it is copied, for the program may
 * fill the same memory anew as soon as it has sent it.
 */
function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  const isAttached = writer.attachments !== undefined && bytes.length >= ATTACHMENT_BYTES;
  writer.binary(isAttached ? copyOf(bytes, 0, bytes.length) : bytes);
}

function writeMap(encoder: ValueEncoder, writer: ByteWriter, value: ReadonlyMap<unknown, unknown>): void {
  const entries = [...value];
  writer.escape(Extension.map);
  writer.uint(entries.length);
  let index = 0;
  for (const [key, item] of entries) {
    encoder.writeAt(writer, `key ${index}`, key);
    encoder.writeAt(writer, typeof key === "string" ? key : `entry ${index}`, item);
    index++;
  }
}

function writeSet(encoder: ValueEncoder, writer: ByteWriter, value: ReadonlySet<unknown>): void {
  const items = [...value];
  writer.escape(Extension.set);
  writer.uint(items.length);
  let index = 0;
  for (const item of items) encoder.writeAt(writer, index++, item);
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
  writeBytes(writer, new Uint8Array(value));
}

// biome-ignore lint/complexity/noBannedTypes: boxed primitives are what is looked for
type Boxed = Number | String | Boolean | BigInt;

function isBoxed(value: object): value is Boxed {
  return (
    value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt
  );
}

function writeBoxed(encoder: ValueEncoder, writer: ByteWriter, value: Boxed): void {
  const primitive: unknown = value.valueOf();
  if (typeof primitive === "object") throw encoder.unsendable("its valueOf gives no primitive value");
  writer.escape(Extension.boxed);
  encoder.write(writer, primitive);
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
 * The bytes of a binary. Part of a received chunk is copied: it must not keep the whole chunk alive, nor show the bytes
 * around it. An attachment that was put together is held by nobody else.
 */
export function readBytes(reader: ByteReader): Uint8Array<ArrayBuffer> {
  const bytes = reader.binary() as Uint8Array<ArrayBuffer>;
  const { buffer } = bytes;
  return new Uint8Array(
    bytes.byteLength === buffer.byteLength && buffer !== reader.bytes.buffer ? buffer : bytes,
  );
}

export function readTypedArray(reader: ByteReader): ArrayBufferView {
  const type = TYPED_ARRAYS[reader.uint()];
  if (!type) throw malformed("an unknown typed array");
  const size = "BYTES_PER_ELEMENT" in type ? type.BYTES_PER_ELEMENT : 1;
  const { buffer } = readBytes(reader);
  if (buffer.byteLength % size !== 0) throw malformed("a typed array of a broken element");
  return new (type as new (buffer: ArrayBuffer) => ArrayBufferView)(buffer);
}

export function readArrayBuffer(reader: ByteReader): ArrayBuffer {
  return readBytes(reader).buffer;
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
  const view = new DataView(bytes.buffer);
  const parts: string[] = [];
  // One long concatenation would take many times the text's own memory until it is read.
  for (let at = 0; at + 1 < bytes.length; at += UTF16_PART_BYTES) {
    const units: number[] = [];
    for (let n = at; n + 1 < Math.min(bytes.length, at + UTF16_PART_BYTES); n += 2)
      units.push(view.getUint16(n, true));
    parts.push(String.fromCharCode(...units));
  }
  return parts.join("");
}

export function readBoxed(value: unknown): object {
  if (typeof value === "object" || value === undefined) throw malformed("a broken boxed value");
  return Object(value) as object;
}
