import type { ByteWriter } from "../core/byte-writer.ts";
import { ConnectorError, failure } from "../core/errors.ts";
import { writeError } from "./error-codec.ts";
import { Extension, MAX_CONTAINERS } from "./extension-types.ts";
import type { AnyFunction, FunctionCodec } from "./function-codec.ts";
import { ShapeTable } from "./shapes.ts";
import type { SignalCodec } from "./signal-codec.ts";
import { writeStructured } from "./structured-types.ts";
import { Visited } from "./visited.ts";

export interface EncoderOptions {
  readonly maxDepth: number;
  readonly maxValueBytes: number;
  /** Objects of one shape send their keys once a link: for a stream that one decoder reads in order, from its start. */
  readonly shapes: boolean;
}

/** Thrown and caught in here: a container occurs twice (or has holes), so the value is written again as a graph. */
const SHARED = new Error("shared");

/** Values to bytes: one pass, no copy of the value, nothing written when it fails. */
export class ValueEncoder {
  readonly #options: EncoderOptions;
  readonly #shapes: ShapeTable | undefined;
  readonly #visited = new Visited();
  readonly #path: (string | number | undefined)[] = [];
  #graph: Map<object, number> | undefined;
  #writer: ByteWriter | undefined;
  #functions: FunctionCodec | undefined;
  #limit = 0;
  #depth = 0;
  #containers = 0;
  /** A value over the limit is found before the buffer doubles for it once more. */
  readonly #checkPosition = (): void => this.#checkLimit(this.#writer?.position ?? 0);

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#shapes = options.shapes ? new ShapeTable() : undefined;
  }

  /**
   * Writes a value; where it cannot travel, nothing stays written, and the `CodecError` names the place inside it.
   *
   * @param functions - how functions inside the value travel; left out, they are refused
   */
  encode(writer: ByteWriter, value: unknown, functions?: FunctionCodec): void {
    if (this.#writer)
      throw failure("CNR_ERR_UNSENDABLE", { path: "value", reason: "it is being sent already" });
    const start = writer.position;
    const attachments = writer.attachments?.length ?? 0;
    const attachedBytes = writer.attachedBytes;
    const shapes = this.#shapes?.size ?? 0;
    this.#writer = writer;
    this.#functions = functions;
    this.#limit = start + this.#options.maxValueBytes;
    writer.onGrow = this.#checkPosition;
    functions?.begin?.();
    try {
      this.#writeRoot(writer, value, start, attachments, shapes);
      this.#checkSize(writer.position - start + writer.attachedBytes - attachedBytes);
    } catch (error) {
      writer.rollBack(start, attachments);
      this.#shapes?.rollBack(shapes);
      functions?.rollBack?.();
      throw this.#named(error);
    } finally {
      writer.onGrow = undefined;
      this.#visited.clear();
      this.#graph = undefined;
      this.#writer = undefined;
      this.#functions = undefined;
      this.#depth = 0;
      this.#containers = 0;
    }
  }

  #writeRoot(writer: ByteWriter, value: unknown, start: number, attachments: number, shapes: number): void {
    try {
      this.write(writer, value);
    } catch (error) {
      if (error !== SHARED) throw error;
      writer.rollBack(start, attachments);
      this.#shapes?.rollBack(shapes);
      this.#depth = 0;
      this.#containers = 0;
      this.#functions?.rollBack?.();
      this.#graph = new Map();
      writer.escape(Extension.graph);
      this.write(writer, value);
    }
  }

  /** Writes one value inside the value that is being encoded. */
  write(writer: ByteWriter, value: unknown): void {
    switch (typeof value) {
      case "string":
        return this.#string(writer, value);
      case "number":
        return writer.number(value);
      case "boolean":
        return writer.boolean(value);
      case "undefined":
        return writer.escape(Extension.undefined);
      case "object":
        return value === null ? writer.nil() : this.#object(writer, value);
      case "bigint":
        return writeBigint(writer, value);
      case "function":
        return this.#function(writer, value as AnyFunction);
      case "symbol":
        throw this.unsendable(`${String(value)} is a symbol, which is unique to its process`);
    }
  }

  /** Writes what stands at `key` inside the current container. */
  writeAt(writer: ByteWriter, key: string | number, value: unknown): void {
    this.#path[this.#depth - 1] = key;
    this.write(writer, value);
  }

  /** How AbortSignals travel in the value that is being written. */
  get signals(): SignalCodec | undefined {
    return this.#functions?.signals;
  }

  unsendable(reason: string): ConnectorError {
    return failure("CNR_ERR_UNSENDABLE", { path: this.#here(), reason });
  }

  #object(writer: ByteWriter, value: object): void {
    if (!this.#isNew(writer, value)) return;
    if (++this.#containers > MAX_CONTAINERS) throw failure("CNR_ERR_TOO_COMPLEX", { max: MAX_CONTAINERS });
    if (++this.#depth > this.#options.maxDepth)
      throw failure("CNR_ERR_TOO_DEEP", { max: this.#options.maxDepth });
    this.#path[this.#depth - 1] = undefined;
    this.#checkLimit(writer.position);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.plain(writer, value);
    else if (Array.isArray(value)) this.#array(writer, value);
    else if (value instanceof Error) writeError(this, writer, value);
    else if (!writeStructured(this, writer, value)) this.plain(writer, value);
    this.#depth--;
  }

  #isNew(writer: ByteWriter, value: object): boolean {
    if (!this.#graph) {
      if (!this.#visited.add(value)) throw SHARED;
      return true;
    }
    const number = this.#graph.get(value);
    if (number === undefined) {
      this.#graph.set(value, this.#graph.size);
      return true;
    }
    writer.escape(Extension.again);
    writer.uint(number);
    return false;
  }

  /** Own enumerable properties, as the structured clone algorithm takes them: also those of a class's instance. */
  plain(writer: ByteWriter, value: object): void {
    const keys = Object.keys(value);
    const shape = this.#shapes?.find(keys);
    if (!shape) {
      writer.map(keys.length);
      for (const key of keys) {
        this.#string(writer, key);
        this.#path[this.#depth - 1] = key;
        this.write(writer, (value as Record<string, unknown>)[key]);
      }
      return;
    }
    const isFirst = shape.id < 0;
    if (isFirst) this.#shapes?.define(shape);
    writer.escape(Extension.firstShape + shape.id);
    if (isFirst) {
      writer.array(keys.length);
      for (const key of keys) this.#string(writer, key);
    }
    for (const key of keys) {
      this.#path[this.#depth - 1] = key;
      this.write(writer, (value as Record<string, unknown>)[key]);
    }
  }

  #array(writer: ByteWriter, value: readonly unknown[]): void {
    if (this.#graph && hasHole(value)) return this.#sparseArray(writer, value);
    // Taken once: a getter among the items may change it.
    const { length } = value;
    writer.array(length);
    for (let n = 0; n < length; n++) {
      const item = value[n];
      // A hole: this form cannot say it. Written again as a graph, where holes are looked for first.
      if (item === undefined && !(n in value)) throw SHARED;
      this.#path[this.#depth - 1] = n;
      this.write(writer, item);
    }
  }

  #sparseArray(writer: ByteWriter, value: readonly unknown[]): void {
    const { length } = value;
    const indexes = Object.keys(value).filter(
      (key) => String(Number(key) >>> 0) === key && Number(key) < length,
    );
    writer.escape(Extension.sparseArray);
    writer.uint(length);
    writer.uint(indexes.length);
    for (const index of indexes) {
      writer.uint(Number(index));
      this.writeAt(writer, Number(index), value[Number(index)]);
    }
  }

  #string(writer: ByteWriter, text: string): void {
    if (text.length < 32 && writer.shortAscii(text)) return;
    this.#checkLimit(writer.position + text.length);
    if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
      writer.escape(Extension.utf16);
      return writer.binary(utf16(text));
    }
    writer.string(text);
  }

  #function(writer: ByteWriter, value: AnyFunction): void {
    const functions = this.#functions;
    if (!functions) throw this.unsendable("functions do not travel here");
    writer.escape(Extension.function);
    functions.write(writer, value, this.#here());
  }

  #checkLimit(position: number): void {
    if (position > this.#limit) this.#checkSize(position - this.#limit + this.#options.maxValueBytes);
  }

  #checkSize(bytes: number): void {
    const max = this.#options.maxValueBytes;
    if (bytes > max) throw failure("CNR_ERR_VALUE_TOO_LARGE", { bytes, max, option: "maxValueBytes" });
  }

  /** A getter of the user's that throws, or a stack that is used up, is a value that cannot be sent. */
  #named(error: unknown): unknown {
    if (ConnectorError.is(error)) return error;
    const reason = `reading it failed: ${error instanceof Error ? error.message : String(error)}`;
    return failure("CNR_ERR_UNSENDABLE", { path: this.#here(), reason }, error);
  }

  #here(): string {
    let path = "value";
    for (const key of this.#path.slice(0, this.#depth)) {
      if (key === undefined) break;
      if (typeof key === "number") path += `[${key}]`;
      else path += /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    }
    return path;
  }
}

function hasHole(value: readonly unknown[]): boolean {
  for (let n = 0; n < value.length; n++) if (value[n] === undefined && !(n in value)) return true;
  return false;
}

function utf16(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  for (let n = 0; n < text.length; n++) {
    const code = text.charCodeAt(n);
    bytes[n * 2] = code & 0xff;
    bytes[n * 2 + 1] = code >> 8;
  }
  return bytes;
}

/** Sign, then the magnitude in hexadecimal: the only base in which the engine reads and writes big numbers in linear time. */
function writeBigint(writer: ByteWriter, value: bigint): void {
  writer.escape(Extension.bigint);
  writer.boolean(value < 0n);
  writer.string((value < 0n ? -value : value).toString(16));
}
