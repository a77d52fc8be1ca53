import { failure } from "../core/errors.ts";
import { FrameKind, HEADER_BYTES, writeFrameHeader } from "./frame.ts";

/** The payload of ACK, PING, PONG, END and CREDIT: one whole number, 8 bytes, little endian. */
const NUMBER_BYTES = 8;
const TWO_TO_32 = 0x100000000;

/** "So many counted frames have come." */
export function ackFrame(count: number): Uint8Array {
  return numberFrame(FrameKind.ack, count);
}

/** @param number - any; PONG says the same */
export function pingFrame(number: number): Uint8Array {
  return numberFrame(FrameKind.ping, number);
}

export function pongFrame(number: number): Uint8Array {
  return numberFrame(FrameKind.pong, number);
}

/** "These were all the bytes of the channel, and so many." */
export function endFrame(channel: number, totalBytes: number): Uint8Array {
  return numberFrame(FrameKind.end, totalBytes, channel);
}

/** "So many bytes may be sent on this channel, counted from its beginning." */
export function creditFrame(channel: number, limitBytes: number): Uint8Array {
  return numberFrame(FrameKind.credit, limitBytes, channel);
}

/** The number in the payload of one of these. */
export function readNumber(bytes: Uint8Array, start: number, end: number): number {
  // By hand: a DataView that reads beyond the payload would read the next frame.
  if (end - start !== NUMBER_BYTES) {
    throw failure("CNR_ERR_PROTOCOL", { reason: `a control frame of ${end - start} bytes` });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, NUMBER_BYTES);
  const number = view.getUint32(4, true) * TWO_TO_32 + view.getUint32(0, true);
  if (!Number.isSafeInteger(number)) {
    throw failure("CNR_ERR_PROTOCOL", { reason: "a control frame with a number beyond 2^53 - 1" });
  }
  return number;
}

function numberFrame(kind: number, number: number, channel = 0): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + NUMBER_BYTES);
  writeFrameHeader(frame, 0, NUMBER_BYTES, kind, channel);
  const view = new DataView(frame.buffer);
  view.setUint32(HEADER_BYTES, number % TWO_TO_32, true);
  view.setUint32(HEADER_BYTES + 4, Math.floor(number / TWO_TO_32), true);
  return frame;
}
