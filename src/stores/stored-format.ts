import { ByteReader, malformed } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { ConnectorError, failure } from "../core/errors.ts";

/** What a stored record begins with: which kind it is, and the version of its form. */
export interface StoredForm {
  /** One byte, so that a record in the wrong place is told from a damaged one. */
  readonly tag: number;
  /** To be raised with every change that an older program would misread; older versions must stay readable. */
  readonly version: number;
}

export function encodeStored({ tag, version }: StoredForm, write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter();
  out.byte(tag);
  out.uint(version);
  write(out);
  return copyOf(out.bytes.subarray(0, out.position));
}

/** Fails with `CNR_ERR_STORE_FORMAT` for a version that is not known here, and with `CNR_ERR_STORE_CORRUPT` for any other bytes. */
export function decodeStored<T>(
  bytes: Uint8Array,
  { tag, version }: StoredForm,
  read: (input: ByteReader) => T,
): T {
  const input = new ByteReader(bytes);
  try {
    if (input.byte() !== tag) throw malformed("it is a record of another kind");
    const found = input.uint();
    if (found !== version) throw failure("CNR_ERR_STORE_FORMAT", { found, known: version });
    const value = read(input);
    if (!input.done) throw malformed("it goes on after its end");
    return value;
  } catch (error) {
    if (!ConnectorError.is(error) || error.code !== "CNR_ERR_UNDECODABLE") throw error;
    throw failure("CNR_ERR_STORE_CORRUPT", { reason: error.details["reason"] }, error);
  }
}

/** Not `slice`: that of Node's Buffer gives a view. */
const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A string that UTF-8 cannot hold is written as its UTF-16 code units: two keys must never become one. */
export function writeText(out: ByteWriter, text: string): void {
  if (!LONE_SURROGATE.test(text)) out.string(text);
  else
    out.binary(
      Uint8Array.from({ length: 2 * text.length }, (_, n) => text.charCodeAt(n >> 1) >> (8 * (n & 1))),
    );
}

export function readText(input: ByteReader): string {
  const token = input.bytes[input.position] ?? 0;
  if (token < 0xc4 || token > 0xc6) return input.string();
  const units = input.binary();
  if (units.length % 2 > 0) throw malformed("a text ends within a character");
  let text = "";
  for (let n = 0; n < units.length; n += 2) {
    text += String.fromCharCode((units[n] as number) | ((units[n + 1] as number) << 8));
  }
  return text;
}

/** A copy, so that a small value does not keep the whole record in memory. */
export function readBytes(input: ByteReader): Uint8Array {
  return copyOf(input.binary());
}

export function readInteger(input: ByteReader): number {
  const value = input.numberOf(input.byte());
  if (!Number.isSafeInteger(value)) throw malformed("a whole number is missing");
  return value as number;
}

export function readList<T>(input: ByteReader, element: () => T): T[] {
  return Array.from({ length: input.count(1) }, element);
}
