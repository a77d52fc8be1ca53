import { readText } from "./text.ts";

const SLOTS = 1024;
const LONGEST = 32;

interface Entry {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * Property names and channel names come again and again: the same bytes give the same string, without building it anew.
 * Bounded by its slots; a clash replaces the older name.
 */
const entries: (Entry | undefined)[] = new Array<Entry | undefined>(SLOTS).fill(undefined);

export function readKey(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length === 0 || length > LONGEST) return readText(bytes, start, end);
  const slot =
    ((length * 31 + (bytes[start] as number)) * 31 +
      (bytes[end - 1] as number) * 7 +
      (bytes[start + (length >> 1)] as number)) &
    (SLOTS - 1);
  const entry = entries[slot];
  if (entry !== undefined && entry.bytes.length === length) {
    const known = entry.bytes;
    let n = 0;
    while (n < length && known[n] === bytes[start + n]) n++;
    if (n === length) return entry.text;
  }
  const text = readText(bytes, start, end);
  entries[slot] = { bytes: new Uint8Array(bytes.subarray(start, end)), text };
  return text;
}
