/**
 * Strings to UTF-8 and back, by the fastest way the platform has: Node's Buffer methods work on any Uint8Array
 * and beat TextEncoder and TextDecoder several times on the short strings that messages are made of.
 */
interface BufferMethods {
  utf8Write(this: Uint8Array, text: string, offset: number, length?: number): number;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
}
interface BufferClass {
  readonly prototype: BufferMethods;
  allocUnsafe(size: number): Uint8Array;
  allocUnsafeSlow(size: number): Uint8Array;
}
const platform = (globalThis as { Buffer?: BufferClass }).Buffer;
const { utf8Write, utf8Slice } = platform?.prototype ?? ({} as Partial<BufferMethods>);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Longest text for which a loop in JavaScript beats a call into the platform. */
const SHORT = 24;

/**
 * Bytes that nobody has cleared: for buffers that are written before they are read.
 * A plain Uint8Array: `slice()` of Node's Buffer copies nothing, and what it gives would change with the buffer.
 */
export const allocateBytes: (size: number) => Uint8Array = platform
  ? (size) => new Uint8Array(platform.allocUnsafeSlow(size).buffer)
  : (size) => new Uint8Array(size);

/**
 * A copy of some bytes, for the library and the platform: short ones share memory, which costs a tenth of having their
 * own. Never for users, who could see the memory around it.
 */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = platform ? platform.allocUnsafe(end - start) : new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}

/** Writes `text` at `at`, where at least three bytes per character are free; gives the number of bytes written. */
export function writeText(bytes: Uint8Array, text: string, at: number): number {
  return utf8Write ? utf8Write.call(bytes, text, at) : encoder.encodeInto(text, bytes.subarray(at)).written;
}

/** Reads the UTF-8 between `start` and `end`. Bytes that are no UTF-8 become U+FFFD. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT) {
    const text = readShortAscii(bytes, start, end);
    if (text !== undefined) return text;
  }
  return utf8Slice ? utf8Slice.call(bytes, start, end) : decoder.decode(bytes.subarray(start, end));
}

const fromCharCode = String.fromCharCode;

/** Eight characters a call: the engine keeps calls of few arguments on its fast path, and each call costs an allocation. */
function readShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const a = bytes[at] as number;
    const b = bytes[at + 1] as number;
    const c = bytes[at + 2] as number;
    const d = bytes[at + 3] as number;
    const e = bytes[at + 4] as number;
    const f = bytes[at + 5] as number;
    const g = bytes[at + 6] as number;
    const h = bytes[at + 7] as number;
    if ((a | b | c | d | e | f | g | h) >= 0x80) return undefined;
    text += fromCharCode(a, b, c, d, e, f, g, h);
  }
  for (; at + 3 <= end; at += 3) {
    const a = bytes[at] as number;
    const b = bytes[at + 1] as number;
    const c = bytes[at + 2] as number;
    if ((a | b | c) >= 0x80) return undefined;
    text += fromCharCode(a, b, c);
  }
  for (; at < end; at++) {
    const code = bytes[at] as number;
    if (code >= 0x80) return undefined;
    text += fromCharCode(code);
  }
  return text;
}
