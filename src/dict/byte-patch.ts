import { ByteReader, malformed } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { failure } from "../core/errors.ts";

/** What is the same is looked for in blocks of this size; shorter ones cost more to name than to send. */
const BLOCK = 16;
const FACTOR = 0x01000193;
const FACTOR_OF_OLDEST = powerOf(FACTOR, BLOCK - 1);

/**
 * What turns one value's bytes into another's: a list of (copy from, copy length, bytes to insert). A value that was changed in
 * a few places keeps most of its bytes, wherever they have moved to, so only the changed places travel.
 */
export function diffBytes(before: Uint8Array, after: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  const limit = Math.min(before.length, after.length);
  let prefix = 0;
  while (prefix < limit && before[prefix] === after[prefix]) prefix++;
  let suffix = 0;
  while (suffix < limit - prefix && before[before.length - 1 - suffix] === after[after.length - 1 - suffix])
    suffix++;

  let copyFrom = 0;
  let copyLength = prefix;
  let inserted = prefix;
  const add = (from: number, length: number, at: number): void => {
    writePart(writer, copyFrom, copyLength, after.subarray(inserted, at));
    copyFrom = from;
    copyLength = length;
    inserted = at + length;
  };
  forEachMatch(
    before.subarray(prefix, before.length - suffix),
    after.subarray(prefix, after.length - suffix),
    (match) => add(prefix + match.from, match.length, prefix + match.at),
  );
  add(before.length - suffix, suffix, after.length - suffix);
  if (copyLength > 0) writePart(writer, copyFrom, copyLength, after.subarray(inserted));
  return writer.bytes.slice(0, writer.position);
}

/** @param maxBytes - a patch that makes more is refused: a short one could name the same bytes again and again */
export function applyPatch(
  before: Uint8Array | undefined,
  patch: Uint8Array,
  maxBytes: number = Number.POSITIVE_INFINITY,
): Uint8Array {
  if (!before) throw malformed("a patch for a key that is not there");
  const writer = new ByteWriter();
  const reader = new ByteReader(patch);
  while (!reader.done) {
    const from = reader.uint();
    const length = reader.uint();
    const inserted = reader.binary();
    if (length > before.length - from) throw malformed("a patch for another value");
    const bytes = writer.position + length + inserted.length;
    if (bytes > maxBytes)
      throw failure("CNR_ERR_VALUE_TOO_LARGE", { bytes, max: maxBytes, option: "maxValueBytes" });
    writer.raw(before.subarray(from, from + length));
    writer.raw(inserted);
  }
  return writer.bytes.slice(0, writer.position);
}

function writePart(writer: ByteWriter, from: number, length: number, inserted: Uint8Array): void {
  if (length === 0 && inserted.length === 0) return;
  writer.uint(from);
  writer.uint(length);
  writer.binary(inserted);
}

interface Match {
  readonly from: number;
  readonly at: number;
  readonly length: number;
}

/** Finds what of `after` stands in `before`, in the order of `after`: blocks of `before` by their hash, which rolls over `after`. */
function forEachMatch(before: Uint8Array, after: Uint8Array, found: (match: Match) => void): void {
  if (before.length < BLOCK || after.length < BLOCK) return;
  const blocks = new Map<number, number>();
  for (let at = 0; at + BLOCK <= before.length; at += BLOCK) {
    const hash = hashAt(before, at);
    if (!blocks.has(hash)) blocks.set(hash, at);
  }
  let free = 0;
  let at = 0;
  let hash = hashAt(after, 0);
  for (;;) {
    const from = blocks.get(hash);
    if (from !== undefined && isSameBlock(before, from, after, at)) {
      const match = grow(before, from, after, at, free);
      found(match);
      at = free = match.at + match.length;
      if (at + BLOCK > after.length) return;
      hash = hashAt(after, at);
      continue;
    }
    if (at + BLOCK >= after.length) return;
    hash = (hash - Math.imul(after[at] as number, FACTOR_OF_OLDEST)) | 0;
    hash = (Math.imul(hash, FACTOR) + (after[at + BLOCK] as number)) | 0;
    at++;
  }
}

function grow(before: Uint8Array, from: number, after: Uint8Array, at: number, free: number): Match {
  let back = 0;
  while (back < from && at - back > free && before[from - back - 1] === after[at - back - 1]) back++;
  let length = BLOCK;
  while (
    from + length < before.length &&
    at + length < after.length &&
    before[from + length] === after[at + length]
  ) {
    length++;
  }
  return { from: from - back, at: at - back, length: length + back };
}

function isSameBlock(before: Uint8Array, from: number, after: Uint8Array, at: number): boolean {
  for (let n = 0; n < BLOCK; n++) if (before[from + n] !== after[at + n]) return false;
  return true;
}

function hashAt(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let n = 0; n < BLOCK; n++) hash = (Math.imul(hash, FACTOR) + (bytes[at + n] as number)) | 0;
  return hash;
}

function powerOf(factor: number, exponent: number): number {
  let power = 1;
  for (let n = 0; n < exponent; n++) power = Math.imul(power, factor);
  return power;
}
