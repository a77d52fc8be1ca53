/**
 * Strings to UTF-8 and back, by the fastest way the platform has: Node's Buffer methods work on any Uint8Array
 * and beat TextEncoder and TextDecoder several times on the short strings that messages are made of.
 */
interface BufferMethods {
  utf8Write(this: Uint8Array, text: string, offset: number, length?: number): number;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
}
const platform = (globalThis as { Buffer?: { prototype: BufferMethods; allocUnsafeSlow(size: number): Uint8Array } })
  .Buffer;
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

/** Writes `text` at `at`, where at least three bytes per character are free; gives the number of bytes written. */
export function writeText(bytes: Uint8Array, text: string, at: number): number {
  const length = text.length;
  if (length <= SHORT) {
    for (let n = 0; n < length; n++) {
      const code = text.charCodeAt(n);
      if (code >= 0x80) return writeLongText(bytes, text, at);
      bytes[at + n] = code;
    }
    return length;
  }
  return writeLongText(bytes, text, at);
}

function writeLongText(bytes: Uint8Array, text: string, at: number): number {
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

/** Four characters a call: the engine keeps calls of few arguments on its fast path. */
function readShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at] as number;
    const b = bytes[at + 1] as number;
    const c = bytes[at + 2] as number;
    const d = bytes[at + 3] as number;
    if ((a | b | c | d) >= 0x80) return undefined;
    text += fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) {
    const code = bytes[at] as number;
    if (code >= 0x80) return undefined;
    text += fromCharCode(code);
  }
  return text;
}

