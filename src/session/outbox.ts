import { ByteWriter } from "../core/byte-writer.ts";
import { allocateBytes, copyOf } from "../core/text.ts";
import { FRAGMENT_BYTES, FrameKind, frameOf, HEADER_BYTES, writeFrameHeader } from "../protocol/frame.ts";

const SMALL_BYTES = 2 * 1024;
const LARGE_BYTES = 16 * 1024;
/** A turn that wrote this much is sent without waiting for its end: the other side works on it while this one goes on. */
const FULL_BYTES = 12 * 1024;
const FULL_ATTACHED_BYTES = 1024 * 1024;
/** A turn's bytes up to this are copied out, so that the buffer serves the next turn, of whichever link. */
const COPY_BYTES = SMALL_BYTES;
/**
 * Writers that no turn is using. A message to everybody has as many turns open as there are links, each of a few bytes:
 * hence many small ones, and a few large ones for links that write much.
 */
const small: ByteWriter[] = [];
const large: ByteWriter[] = [];
const MAX_SPARE_SMALL = 1024;
const MAX_SPARE_LARGE = 32;

/** Packs the messages of one turn into one MSG frame, large binary values as raw frames before it. */
export class Outbox {
  #writer: ByteWriter | undefined;
  #mark = 0;
  #attachmentMark = 0;
  #isOpen = false;
  /** In its last turn: it is likely to again. */
  #wroteMuch = false;

  /** Whether a message is being written: a getter of its value that sends on the same link comes upon this. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The writer, at the place of the next message. `commit` or `drop` it before anything else. */
  begin(): ByteWriter {
    this.#writer ??= newTurn(this.#wroteMuch);
    const writer = this.#writer;
    this.#mark = writer.position;
    this.#attachmentMark = (writer.attachments as Uint8Array[]).length;
    this.#isOpen = true;
    return writer;
  }

  /** True when so much has piled up that it should be sent now. */
  commit(): boolean {
    this.#isOpen = false;
    // The link may have ended while the message was written.
    if (!this.#writer) return false;
    const { position, attachedBytes } = this.#writer;
    return position >= FULL_BYTES || attachedBytes >= FULL_ATTACHED_BYTES;
  }

  drop(): void {
    this.#isOpen = false;
    this.#writer?.rollBack(this.#mark, this.#attachmentMark);
    if (this.#writer?.position === HEADER_BYTES) this.discard();
  }

  /** The frames of all messages since the last call, ready to write; `count` of them are counted frames. */
  take(): { chunks: Uint8Array[]; count: number } | undefined {
    const writer = this.#writer;
    if (!writer) return undefined;
    this.#writer = undefined;
    this.#wroteMuch = writer.position > SMALL_BYTES;
    const chunks: Uint8Array[] = [];
    let count = 0;
    for (const attachment of writer.attachments ?? []) count += addRaw(chunks, attachment);
    count += addMessage(chunks, writer);
    return { chunks, count };
  }

  discard(): void {
    // One that is being written to must not serve another link.
    if (this.#writer && !this.#isOpen) giveBack(this.#writer);
    this.#writer = undefined;
    this.#isOpen = false;
  }
}

function newTurn(wroteMuch: boolean): ByteWriter {
  const writer =
    (wroteMuch ? large : small).pop() ?? new ByteWriter(allocateBytes(wroteMuch ? LARGE_BYTES : SMALL_BYTES));
  writer.position = HEADER_BYTES;
  writer.attachments ??= [];
  return writer;
}

function giveBack(writer: ByteWriter): void {
  writer.rollBack(0, 0);
  const size = writer.bytes.length;
  if (size === SMALL_BYTES && small.length < MAX_SPARE_SMALL) small.push(writer);
  else if (size === LARGE_BYTES && large.length < MAX_SPARE_LARGE) large.push(writer);
}

function addRaw(chunks: Uint8Array[], attachment: Uint8Array): number {
  let frames = 0;
  for (let at = 0; at < attachment.length; at += FRAGMENT_BYTES) {
    const piece = attachment.subarray(at, at + FRAGMENT_BYTES);
    const header = new Uint8Array(HEADER_BYTES);
    writeFrameHeader(header, 0, piece.length, FrameKind.raw);
    chunks.push(header, piece);
    frames++;
  }
  return frames;
}

function addMessage(chunks: Uint8Array[], writer: ByteWriter): number {
  const { bytes, position } = writer;
  if (position - HEADER_BYTES <= FRAGMENT_BYTES) {
    writeFrameHeader(bytes, 0, position - HEADER_BYTES, FrameKind.message);
    if (position <= COPY_BYTES) {
      chunks.push(copyOf(bytes, 0, position));
      giveBack(writer);
    } else chunks.push(bytes.subarray(0, position));
    return 1;
  }
  let frames = 0;
  for (let at = HEADER_BYTES; at < position; at += FRAGMENT_BYTES) {
    const end = Math.min(at + FRAGMENT_BYTES, position);
    chunks.push(frameOf(end === position ? FrameKind.message : FrameKind.more, bytes.subarray(at, end)));
    frames++;
  }
  return frames;
}
