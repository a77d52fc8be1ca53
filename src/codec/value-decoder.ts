import { type ByteReader, malformed } from "../core/byte-reader.ts";
import { ATTACHMENT, ESCAPE } from "../core/byte-writer.ts";
import { failure } from "../core/errors.ts";
import { readError } from "./error-codec.ts";
import { Extension, MAX_CONTAINERS } from "./extension-types.ts";
import type { AnyFunction, FunctionCodec } from "./function-codec.ts";
import { MAX_SHAPES, ShapeTable } from "./shapes.ts";
import { readSignal } from "./signal-codec.ts";
import {
  readArrayBuffer,
  readBigint,
  readBoxed,
  readBytes,
  readRegExp,
  readTypedArray,
  readUtf16,
} from "./structured-types.ts";

const MAX_RESERVED_ITEMS = 1024;

export interface DecoderOptions {
  readonly maxDepth: number;
  /** Whether the stream may define shapes: only one that is read in order, from its start. */
  readonly shapes: boolean;
}

/** Bytes to values. Nothing is executed, no prototype is touched, and every length is checked against what is there. */
export class ValueDecoder {
  readonly #options: DecoderOptions;
  readonly #shapes: (readonly string[])[] = [];
  #graph: object[] | undefined;
  #functions: FunctionCodec | undefined;
  #others: object[] | undefined;
  #depth = 0;
  #containers = 0;

  constructor(options: DecoderOptions) {
    this.#options = options;
  }

  /** @param functions - how functions inside the value are read; left out, they are refused */
  decode(reader: ByteReader, functions?: FunctionCodec): unknown {
    this.#others = undefined;
    return this.#decode(reader, functions);
  }

  /**
   * The same, with each plain object and array frozen when it is complete.
   *
   * @param others - takes all other objects and functions in it, which are not
   */
  decodeFrozen(reader: ByteReader, functions: FunctionCodec | undefined, others: object[]): unknown {
    this.#others = others;
    return this.#decode(reader, functions);
  }

  #decode(reader: ByteReader, functions: FunctionCodec | undefined): unknown {
    this.#functions = functions;
    this.#depth = 0;
    this.#containers = 0;
    this.#graph = undefined;
    return this.read(reader);
  }

  /** Reads one value inside the value that is being decoded. */
  read(reader: ByteReader): unknown {
    const token = reader.byte();
    if (token < 0x80) return token;
    if (token < 0x90) return this.#map(reader, token & 0xf);
    if (token < 0xa0) return this.#array(reader, reader.arrayLengthOf(token));
    if (token < 0xc0) return reader.textOf(token & 0x1f);
    switch (token) {
      case 0xc0:
        return null;
      case ESCAPE:
        return this.#escape(reader);
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        reader.position--;
        return this.#other(readBytes(reader));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return reader.textOf(reader.stringLengthOf(token));
      case 0xdc:
      case 0xdd:
        return this.#array(reader, reader.arrayLengthOf(token));
      case 0xde:
      case 0xdf:
        return this.#map(reader, reader.mapSizeOf(token));
    }
    const number = reader.numberOf(token);
    if (number === undefined) throw malformed(`no value starts with byte ${token}`);
    return number;
  }

  #escape(reader: ByteReader): unknown {
    const code = reader.uint();
    if (code >= Extension.firstShape) return this.#shaped(reader, code - Extension.firstShape);
    switch (code) {
      case Extension.undefined:
        return undefined;
      case Extension.date:
        return this.#other(new Date(this.#float(reader)));
      case Extension.bigint:
        return readBigint(reader);
      case Extension.regexp:
        return this.#other(readRegExp(reader));
      case Extension.map:
        return this.#mapObject(reader);
      case Extension.set:
        return this.#setObject(reader);
      case Extension.error:
        return this.#error(reader);
      case Extension.arrayBuffer:
        return this.#other(readArrayBuffer(reader));
      case Extension.typedArray:
        return this.#other(readTypedArray(reader));
      case Extension.sparseArray:
        return this.#sparseArray(reader);
      case Extension.boxed:
        return this.#other(readBoxed(this.#inside(reader)));
      case Extension.utf16:
        return readUtf16(reader);
      case Extension.function:
        if (!this.#functions) throw malformed("a function where none is taken");
        return this.#function(this.#functions.read(reader));
      case ATTACHMENT:
        reader.position -= 2;
        return this.#other(readBytes(reader));
      case Extension.graph:
        if (this.#graph) throw malformed("a graph inside a graph");
        this.#graph = [];
        return this.read(reader);
      case Extension.again:
        return this.#again(reader);
      case Extension.signal:
        return this.#signal(reader);
      default:
        throw malformed(`unknown extension ${code}`);
    }
  }

  #array(reader: ByteReader, length: number): unknown[] {
    // A long one grows with what is read: arrays inside arrays could each claim all of the bytes behind them.
    const array: unknown[] = this.#register(length <= MAX_RESERVED_ITEMS ? new Array(length) : []);
    this.#enter();
    for (let n = 0; n < length; n++) array[n] = this.read(reader);
    return this.#complete(array);
  }

  #map(reader: ByteReader, size: number): object {
    const object: Record<string, unknown> = this.#register({});
    this.#enter();
    for (let left = size; left > 0; left--) {
      const key = this.#key(reader);
      setOwn(object, key, this.read(reader));
    }
    return this.#complete(object);
  }

  #shaped(reader: ByteReader, id: number): object {
    const keys = this.#shapes[id] ?? this.#defineShape(reader, id);
    const object: Record<string, unknown> = this.#register({});
    this.#enter();
    for (let n = 0; n < keys.length; n++) setOwn(object, keys[n] as string, this.read(reader));
    return this.#complete(object);
  }

  #defineShape(reader: ByteReader, id: number): readonly string[] {
    if (!this.#options.shapes || id !== this.#shapes.length || id >= MAX_SHAPES)
      throw malformed("an unknown shape");
    const keys: string[] = [];
    for (let left = reader.arrayLengthOf(reader.byte()); left > 0; left--) keys.push(this.#key(reader));
    if (!ShapeTable.accepts(keys)) throw malformed("a shape of too many or too long keys");
    this.#shapes.push(keys);
    return keys;
  }

  #key(reader: ByteReader): string {
    const token = reader.byte();
    const length = reader.stringLengthOf(token);
    if (length >= 0) return reader.keyOf(length);
    if (token === ESCAPE && reader.uint() === Extension.utf16) return readUtf16(reader);
    throw malformed("a key that is no text");
  }

  #mapObject(reader: ByteReader): object {
    const map = this.#other(new Map<unknown, unknown>());
    this.#enter();
    for (let left = reader.count(2); left > 0; left--) {
      const key = this.read(reader);
      map.set(key, this.read(reader));
    }
    this.#depth--;
    return map;
  }

  #setObject(reader: ByteReader): object {
    const set = this.#other(new Set<unknown>());
    this.#enter();
    for (let left = reader.count(1); left > 0; left--) set.add(this.read(reader));
    this.#depth--;
    return set;
  }

  #sparseArray(reader: ByteReader): unknown[] {
    const array: unknown[] = this.#register([]);
    const length = reader.uint();
    if (length > 0xffffffff) throw malformed("an array longer than any");
    this.#enter();
    for (let left = reader.count(2); left > 0; left--) {
      const index = reader.uint();
      if (index >= length) throw malformed("an element behind the end of its array");
      array[index] = this.read(reader);
    }
    if (array.length < length) {
      // Setting `length` would reserve the memory of every hole; an element that comes and goes makes the array sparse.
      array[length - 1] = undefined;
      delete array[length - 1];
    }
    return this.#complete(array);
  }

  #error(reader: ByteReader): Error {
    this.#enter();
    const error = readError(this, reader, (made) => void this.#other(made));
    this.#depth--;
    return error;
  }

  #signal(reader: ByteReader): AbortSignal {
    this.#enter();
    const signal = readSignal(this, reader, this.#functions?.signals, (made) => void this.#register(made));
    this.#depth--;
    return signal;
  }

  #again(reader: ByteReader): object {
    const known = this.#graph?.[reader.uint()];
    if (!known) throw malformed("a reference to nothing");
    return known;
  }

  #inside(reader: ByteReader): unknown {
    this.#enter();
    const value = this.read(reader);
    this.#depth--;
    return value;
  }

  #float(reader: ByteReader): number {
    if (reader.byte() !== 0xcb) throw malformed("a number is missing");
    return reader.float();
  }

  #enter(): void {
    if (++this.#depth > this.#options.maxDepth)
      throw failure("CNR_ERR_TOO_DEEP", { max: this.#options.maxDepth });
  }

  /** Leaves a plain object or array. */
  #complete<T extends object>(container: T): T {
    this.#depth--;
    return this.#others ? Object.freeze(container) : container;
  }

  #function(read: AnyFunction): AnyFunction {
    this.#others?.push(read);
    return read;
  }

  #other<T extends object>(part: T): T {
    this.#others?.push(part);
    return this.#register(part);
  }

  #register<T extends object>(container: T): T {
    if (++this.#containers > MAX_CONTAINERS) throw failure("CNR_ERR_TOO_COMPLEX", { max: MAX_CONTAINERS });
    this.#graph?.push(container);
    return container;
  }
}

/** Plain assignment of `__proto__` would replace the object's prototype; here it is a key like any other. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  } else object[key] = value;
}
