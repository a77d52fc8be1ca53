/** `u24 payload length | u8 kind | u32 channel`, little endian. */
export const HEADER_BYTES = 8;
/** A payload is cut into frames of this size: an acknowledgement, and a message that may go first, never wait for long. */
export const FRAGMENT_BYTES = 256 * 1024;
/** Before the handshake is done, nothing longer is accepted. */
export const MAX_HANDSHAKE_FRAME_BYTES = 4096;

export const FrameKind = {
  hello: 1,
  welcome: 2,
  ack: 3,
  ping: 4,
  pong: 5,
  bye: 6,
  /** From here on frames are counted: a resumed session replays those that did not arrive. */
  message: 16,
  /** From here to `credit`: bulk channels, whose frames name them in the header. */
  open: 17,
  data: 18,
  end: 19,
  reset: 20,
  credit: 21,
  more: 22,
  raw: 23,
} as const;

/** Bit 7 of the kind of a counted frame: its sender wants to hear at once that it has come. */
export const ACK_NOW = 0x80;

/** Whether a frame belongs to a bulk channel. */
export function isBulk(kind: number): boolean {
  return kind >= FrameKind.open && kind <= FrameKind.credit;
}

/** @param kind - with or without `ACK_NOW` */
export function isCounted(kind: number): boolean {
  return kind >= FrameKind.message;
}

export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  length: number,
  kind: number,
  channel = 0,
): void {
  bytes[at] = length;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length >>> 16;
  bytes[at + 3] = kind;
  bytes[at + 4] = channel;
  bytes[at + 5] = channel >>> 8;
  bytes[at + 6] = channel >>> 16;
  bytes[at + 7] = channel >>> 24;
}

/** A frame of its own, for the few that are not packed into a turn's message. */
export function frameOf(kind: number, payload: Uint8Array = new Uint8Array(0), channel = 0): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  writeFrameHeader(bytes, 0, payload.length, kind, channel);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}
