import { type ConnectorError, failure } from "../core/errors.ts";
import { pingFrame, pongFrame, readNumber } from "../protocol/control-frames.ts";
import { FRAGMENT_BYTES, FrameKind } from "../protocol/frame.ts";
import type { FrameDecoder, FrameSink } from "../protocol/frame-decoder.ts";
import type { Link, LinkHandler } from "../transport/transport.ts";
import { Heartbeat, type HeartbeatOptions, type Pulse } from "./heartbeat.ts";

/** What a link works for. */
export interface LinkUser extends FrameSink {
  /** Bytes have come: the frames in them are there to be read. */
  received(frames: FrameDecoder, bytes: Uint8Array): void;
  /** So many bytes have come, which somebody else has taken apart. */
  countReceived(bytes: number): void;
  drained(): void;
  /** Bytes that are no frames. */
  fail(error: unknown): void;
  /** The link is gone, called once; not when it was detached. */
  lost(reason: ConnectorError): void;
  /** The time from a question to its answer. */
  measured(roundTripMs: number): void;
}

export interface AttachedLinkOptions {
  readonly link: Link;
  readonly frames: FrameDecoder;
  readonly maxFrameBytes: number;
  readonly heartbeat: HeartbeatOptions | undefined;
}

/**
 * One link while a session runs over it, with its own heartbeat. Once it is detached, whatever it still delivers or
 * fails of is nobody's business.
 */
export class AttachedLink implements LinkHandler, FrameSink, Pulse {
  readonly link: Link;
  readonly #frames: FrameDecoder;
  readonly #heartbeat: Heartbeat;
  #user: LinkUser | undefined;
  #isPaused = false;
  #bufferedAtTick = 0;
  #pings = 0;
  #pingedAtMs = 0;

  constructor({ link, frames, maxFrameBytes, heartbeat }: AttachedLinkOptions, user: LinkUser) {
    this.link = link;
    this.#user = user;
    this.#frames = frames;
    // What the other side cuts its messages to is no matter of options.
    frames.maxFrameBytes = Math.max(maxFrameBytes, FRAGMENT_BYTES);
    frames.sink = this;
    this.#heartbeat = new Heartbeat(this, heartbeat);
  }

  /** Lets the session and the link go their ways. */
  detach(): void {
    this.#user = undefined;
    this.#heartbeat.stop();
    this.#frames.stop();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.link.pause();
  }

  data(bytes: Uint8Array): void {
    const user = this.#user;
    if (!user) return;
    this.#heartbeat.beat();
    user.received(this.#frames, bytes);
  }

  /** Bytes came behind the greeting, in one piece with it. */
  countReceived(bytes: number): void {
    this.#user?.countReceived(bytes);
  }

  drained(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.link.resume();
    }
    this.#user?.drained();
  }

  closed(error?: Error): void {
    const reason = error
      ? ((error as { code?: string }).code ?? error.message)
      : "the other side ended it without a word";
    this.#lose(failure("CNR_ERR_LINK_LOST", { reason }, error));
  }

  fail(error: unknown): void {
    this.#user?.fail(error);
  }

  frame(kind: number, channel: number, bytes: Uint8Array, start: number, end: number): void {
    if (kind === FrameKind.ping) {
      const number = readNumber(bytes, start, end);
      // What waits to be read is as good a sign of life; and pongs for a reader that stands still would pile up.
      if (this.link.bufferedBytes === 0) this.link.write([pongFrame(number)]);
    } else if (kind === FrameKind.pong) {
      const isNewest = readNumber(bytes, start, end) === this.#pings;
      if (isNewest && this.#pings > 0) this.#user?.measured(performance.now() - this.#pingedAtMs);
    } else this.#user?.frame(kind, channel, bytes, start, end);
  }

  raw(piece: Uint8Array, isLast: boolean, kind: number): void {
    this.#user?.raw(piece, isLast, kind);
  }

  ping(): void {
    this.#pingedAtMs = performance.now();
    this.link.write([pingFrame(++this.#pings)]);
  }

  hasProgressed(): boolean {
    const before = this.#bufferedAtTick;
    this.#bufferedAtTick = this.link.bufferedBytes;
    return this.#bufferedAtTick < before;
  }

  die(silentMs: number): void {
    const reason = failure("CNR_ERR_HEARTBEAT", { silentMs });
    this.#lose(reason);
    this.link.abort(reason);
  }

  #lose(reason: ConnectorError): void {
    const user = this.#user;
    if (!user) return;
    this.detach();
    user.lost(reason);
  }
}
