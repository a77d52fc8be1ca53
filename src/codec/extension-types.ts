/**
 * What follows the escape byte 0xc1, which MessagePack never uses: everything that MessagePack has no form for.
 * docs/PROTOCOL.md says what stands behind each; the numbers never change their meaning.
 */
export const Extension = {
  undefined: 0x00,
  date: 0x01,
  bigint: 0x02,
  regexp: 0x03,
  map: 0x04,
  set: 0x05,
  error: 0x06,
  arrayBuffer: 0x07,
  typedArray: 0x08,
  sparseArray: 0x09,
  boxed: 0x0a,
  /** A text with a lone surrogate, which UTF-8 cannot say: UTF-16, little endian. */
  utf16: 0x0b,
  function: 0x0c,
  // 0x0d: an attachment, see core/byte-writer.ts
  /** The value that follows has containers that occur more than once: they are numbered in order of appearance. */
  graph: 0x0e,
  /** A container of the graph, by its number. */
  again: 0x0f,
  /** An AbortSignal, in the arguments of a call. */
  signal: 0x10,
  /** From here on: an object of a known shape; the number above this is the shape's. */
  firstShape: 0x20,
} as const;

/**
 * Objects, arrays, dates and the like in one value. An empty object is one byte on the wire and a hundred in memory: without
 * this, a value of the allowed size could take all memory of its receiver.
 */
export const MAX_CONTAINERS = 1_000_000;

/** Their position in this list is their number on the wire. Uint8Array travels as MessagePack's own binary. */
export const TYPED_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
] as const;
