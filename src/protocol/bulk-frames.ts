import { ByteReader } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { failure } from "../core/errors.ts";
import { FrameKind, frameOf, HEADER_BYTES, writeFrameHeader } from "./frame.ts";

/** OPEN and RESET are short: names and sentences. */
const MAX_PAYLOAD_BYTES = 4096;
const MAX_TEXT_LENGTH = 1000;

export interface BulkOpening {
  /** What the channel is for: a number of the feature that opens it. */
  readonly type: number;
  readonly name: string;
}

/** Why a channel ends before its time: a code of docs/ERRORS.md, and what fills its text. */
export interface BulkReset {
  readonly code: string;
  readonly text: string;
}

export function openFrame(channel: number, { type, name }: BulkOpening): Uint8Array {
  const writer = new ByteWriter();
  writer.uint(type);
  writer.string(name);
  return frameOf(FrameKind.open, writer.bytes.subarray(0, writer.position), channel);
}

export function resetFrame(channel: number, { code, text }: BulkReset): Uint8Array {
  const writer = new ByteWriter();
  writer.string(code);
  writer.string(text.slice(0, MAX_TEXT_LENGTH));
  return frameOf(FrameKind.reset, writer.bytes.subarray(0, writer.position), channel);
}

/** The header of a DATA frame; the bytes themselves follow as they are. */
export function dataHeader(channel: number, length: number, flags: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  writeFrameHeader(header, 0, length, FrameKind.data | flags, channel);
  return header;
}

export function readOpening(bytes: Uint8Array, start: number, end: number): BulkOpening {
  const reader = readerOf(bytes, start, end);
  return { type: reader.uint(), name: reader.string() };
}

export function readReset(bytes: Uint8Array, start: number, end: number): BulkReset {
  const reader = readerOf(bytes, start, end);
  return { code: reader.string(), text: reader.string() };
}

function readerOf(bytes: Uint8Array, start: number, end: number): ByteReader {
  if (end - start > MAX_PAYLOAD_BYTES) {
    throw failure("CNR_ERR_PROTOCOL", { reason: `${end - start} bytes to open or reset a channel` });
  }
  return new ByteReader(bytes.subarray(start, end));
}
