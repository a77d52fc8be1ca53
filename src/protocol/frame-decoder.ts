import { ChunkList } from "../core/chunk-list.ts";
import { failure } from "../core/errors.ts";
import { ACK_NOW, FrameKind, HEADER_BYTES, MAX_HANDSHAKE_FRAME_BYTES } from "./frame.ts";

export interface FrameSink {
  /** A whole frame, its kind as it came; its payload is `bytes` from `start` to `end`. The memory is not used again, but what is kept of it holds all of it. */
  frame(kind: number, channel: number, bytes: Uint8Array, start: number, end: number): void;
  /**
   * A piece of a raw frame, as it came: raw frames are long, and are put together only once, by who needs them.
   * @param kind - as it came
   */
  raw(piece: Uint8Array, isLast: boolean, kind: number): void;
}

const NOTHING: FrameSink = { frame() {}, raw() {} };

/**
 * Pulls whole frames out of any split of the byte stream. Lengths are checked before anything is kept;
 * only a frame that was split is copied, once.
 */
export class FrameDecoder {
  sink: FrameSink = NOTHING;
  maxFrameBytes: number = MAX_HANDSHAKE_FRAME_BYTES;
  readonly #pending = new ChunkList();
  #needed = HEADER_BYTES;
  #rawLeft = 0;
  #rawKind: number = FrameKind.raw;
  #stopped = false;

  push(chunk: Uint8Array): void {
    if (this.#stopped) return;
    const pending = this.#pending;
    if (pending.bytes === 0) return this.#decode(chunk);
    pending.push(chunk);
    if (pending.bytes >= this.#needed) this.#decode(pending.take(pending.bytes));
  }

  /** Drops what is still to come: the link is being given up. */
  stop(): void {
    this.#stopped = true;
    this.#pending.clear();
    this.sink = NOTHING;
  }

  #decode(bytes: Uint8Array): void {
    let at = 0;
    while (!this.#stopped) {
      if (this.#rawLeft > 0) {
        if (at === bytes.length) return;
        at = this.#passRaw(bytes, at);
        continue;
      }
      const left = bytes.length - at;
      if (left < HEADER_BYTES) return this.#keep(bytes, at, HEADER_BYTES);
      const length =
        (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
      const kind = bytes[at + 3] as number;
      if (length > this.maxFrameBytes) {
        throw failure("CNR_ERR_PROTOCOL", {
          reason: `a frame of ${length} bytes, the limit is ${this.maxFrameBytes}`,
        });
      }
      if (kind === FrameKind.raw || kind === (FrameKind.raw | ACK_NOW)) {
        this.#rawLeft = length;
        this.#rawKind = kind;
        at += HEADER_BYTES;
        if (length === 0) this.sink.raw(bytes.subarray(at, at), true, kind);
        continue;
      }
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) return this.#keep(bytes, at, HEADER_BYTES + length);
      this.sink.frame(kind, channelAt(bytes, at), bytes, at + HEADER_BYTES, end);
      at = end;
    }
  }

  #passRaw(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#rawLeft);
    this.#rawLeft -= end - at;
    this.sink.raw(bytes.subarray(at, end), this.#rawLeft === 0, this.#rawKind);
    return end;
  }

  #keep(bytes: Uint8Array, at: number, needed: number): void {
    this.#needed = needed;
    this.#pending.push(at === 0 ? bytes : bytes.subarray(at));
  }
}

function channelAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at + 4] as number) |
      ((bytes[at + 5] as number) << 8) |
      ((bytes[at + 6] as number) << 16) |
      ((bytes[at + 7] as number) << 24)) >>>
    0
  );
}
