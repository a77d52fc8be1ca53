import { type ConnectorError, failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { readNumber } from "../protocol/control-frames.ts";
import { ACK_NOW, FrameKind, isCounted } from "../protocol/frame.ts";
import type { FrameDecoder } from "../protocol/frame-decoder.ts";
import type { Link } from "../transport/transport.ts";
import { Acknowledger } from "./acknowledger.ts";
import { AttachedLink, type LinkUser } from "./attached-link.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import type { ReplayBudget } from "./replay-budget.ts";
import { ResumeBuffer } from "./resume-buffer.ts";
import type { SessionStats } from "./stats.ts";

/** More than a network has on the way, also a long and fast one: who took so much acknowledges nothing. */
const ON_THE_WAY_BYTES = 64 * 1024 * 1024;

/** Who sends and receives frames over a link that may change. */
export interface FrameUser {
  /** A frame with messages, of a bulk channel, or BYE; see `FrameSink`. */
  frame(kind: number, channel: number, bytes: Uint8Array, start: number, end: number): void;
  raw(piece: Uint8Array, isLast: boolean): void;
  /** All that came in one read is handled: sends what it has led to. */
  flush(): void;
  drained(): void;
  /** The other side has so many of the counted frames. */
  acknowledged(frames: number): void;
  /** A question has come back after this time. */
  timed(roundTripMs: number): void;
  fail(error: unknown): void;
  /** There is no link; a raw frame of which only pieces came will come again, whole. */
  lost(reason: ConnectorError): void;
  /** Ends it at once: more has to be kept than may be. */
  abort(reason: ConnectorError): void;
}

export interface ResumableLinkOptions {
  readonly limits: Readonly<Limits>;
  readonly heartbeat?: HeartbeatOptions | undefined;
  /** What several sessions may keep together. */
  readonly budget?: ReplayBudget | undefined;
}

/**
 * Frames in order, each exactly once, over one link after another. Both sides count the frames; what the other side has
 * not acknowledged is kept, and sent again over the next link.
 */
export class ResumableLink implements LinkUser {
  /** The newest link, also when it is lost. */
  link: Link;
  /** While the frames of a read are handled. */
  isReading = false;
  /** Counted frames that were given to a link: those behind them have certainly not reached anybody. */
  handedFrames = 0;
  readonly #user: FrameUser;
  readonly #options: ResumableLinkOptions;
  readonly #buffer: ResumeBuffer;
  readonly #acknowledger: Acknowledger;
  readonly #onRoom = (): void => this.#user.drained();
  #attached: AttachedLink | undefined;
  #hasRefused = false;
  #bytesSent = 0;
  #bytesReceived = 0;
  #roundTripMs: number | undefined;
  #resumes = 0;

  constructor(link: Link, options: ResumableLinkOptions, user: FrameUser) {
    this.link = link;
    // Not the whole of it: it holds what only the session needs, once for each of many.
    this.#options = { limits: options.limits, heartbeat: options.heartbeat, budget: options.budget };
    this.#user = user;
    this.#buffer = new ResumeBuffer(options.budget);
    this.#acknowledger = new Acknowledger(() => this.acknowledge());
  }

  get isAttached(): boolean {
    return this.#attached !== undefined;
  }

  get sentFrames(): number {
    return this.#buffer.sentFrames;
  }

  get receivedFrames(): number {
    return this.#acknowledger.receivedFrames;
  }

  /** Whether whoever can wait with sending should. The user hears by `drained` when it is worth another look. */
  get isSaturated(): boolean {
    const { maxUnsentBytes, maxReplayBytes } = this.#options.limits;
    if (!this.#attached || this.link.bufferedBytes > maxUnsentBytes) return true;
    if (this.#options.budget?.isFull) {
      this.#options.budget.whenRoom(this.#onRoom);
      return true;
    }
    this.#hasRefused = this.#buffer.bytes > maxReplayBytes;
    return this.#hasRefused;
  }

  /** Bytes that the other side has taken and not acknowledged: what has not left here is no fault of its. */
  get hoardedBytes(): number {
    return this.#buffer.bytes - (this.#attached ? this.link.bufferedBytes : 0);
  }

  get stats(): SessionStats {
    return {
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      framesSent: this.sentFrames,
      framesReceived: this.receivedFrames,
      roundTripMs: this.#roundTripMs,
      queuedBytes: this.#attached ? this.link.bufferedBytes : 0,
      unacknowledgedBytes: this.#buffer.bytes,
      resumes: this.#resumes,
    };
  }

  /** Whether a session can go on when the other side has so many of its frames. */
  canResume(theirReceivedFrames: number): boolean {
    return this.#buffer.isPlausible(theirReceivedFrames);
  }

  /**
   * Goes on over a link whose handshake is done: what the other side lacks is sent again.
   *
   * @param theirReceivedFrames - as the other side said in the handshake
   */
  attach(link: Link, frames: FrameDecoder, theirReceivedFrames: number): AttachedLink {
    const { limits, heartbeat } = this.#options;
    this.#buffer.acknowledge(theirReceivedFrames);
    this.#user.acknowledged(theirReceivedFrames);
    this.#acknowledger.told();
    this.link = link;
    const attached = new AttachedLink({ link, frames, maxFrameBytes: limits.maxFrameBytes, heartbeat }, this);
    this.#attached = attached;
    this.handedFrames = this.sentFrames;
    const chunks = this.#buffer.chunks();
    if (chunks.length > 0) {
      this.#bytesSent += this.#buffer.bytes;
      link.write(chunks);
    }
    return attached;
  }

  countResume(): void {
    this.#resumes++;
  }

  /** Leaves the link, if there is one: from here on nothing that it does matters. */
  detach(): void {
    this.#attached?.detach();
    this.#attached = undefined;
  }

  /** Nothing will be sent again. */
  end(): void {
    this.detach();
    this.#buffer.clear();
    this.#acknowledger.stop();
  }

  /** @param chunks - see `ResumeBuffer.push`; what is written behind them may be added */
  send(chunks: Uint8Array[], frames: number): void {
    const bytes = this.#buffer.push(chunks, frames);
    if (!this.#attached) {
      const { maxReplayBytes } = this.#options.limits;
      if (this.#buffer.bytes <= maxReplayBytes) return;
      const reason = `more than ${maxReplayBytes} bytes waited for a new link: see limits.maxReplayBytes`;
      this.#user.abort(failure("CNR_ERR_SESSION_LOST", { reason, restarted: false }));
      return;
    }
    this.#bytesSent += bytes;
    this.handedFrames = this.sentFrames;
    if (this.#acknowledger.isDue) chunks.push(this.#acknowledger.take());
    this.link.write(chunks);
    this.#checkAcknowledged();
  }

  /** Writes a frame that is not counted, if there is a link. */
  write(frame: Uint8Array): void {
    if (!this.#attached) return;
    this.#bytesSent += frame.length;
    this.link.write([frame]);
  }

  /** Acknowledges what has come, if it is time. */
  acknowledge(): void {
    if (this.#acknowledger.isDue && this.#attached) this.write(this.#acknowledger.take());
  }

  /** Reads nothing more until all that was sent is taken. */
  pause(): void {
    this.#attached?.pause();
  }

  received(frames: FrameDecoder, bytes: Uint8Array): void {
    this.countReceived(bytes.length);
    this.isReading = true;
    try {
      frames.push(bytes);
    } catch (error) {
      this.fail(error);
    } finally {
      this.isReading = false;
    }
    this.#user.flush();
  }

  countReceived(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  frame(kind: number, channel: number, bytes: Uint8Array, start: number, end: number): void {
    if (isCounted(kind)) {
      this.#acknowledger.count(end - start, kind >= ACK_NOW);
      this.#user.frame(kind & ~ACK_NOW, channel, bytes, start, end);
    } else if (kind === FrameKind.ack) this.#acknowledged(readNumber(bytes, start, end));
    else this.#user.frame(kind, channel, bytes, start, end);
  }

  raw(piece: Uint8Array, isLast: boolean, kind: number): void {
    if (isLast) this.#acknowledger.count(piece.length, kind >= ACK_NOW);
    else this.#acknowledger.countBytes(piece.length);
    this.#user.raw(piece, isLast);
  }

  drained(): void {
    this.#user.drained();
  }

  fail(error: unknown): void {
    this.#user.fail(error);
  }

  lost(reason: ConnectorError): void {
    this.#attached = undefined;
    this.#user.lost(reason);
  }

  measured(roundTripMs: number): void {
    this.#roundTripMs = roundTripMs;
    this.#user.timed(roundTripMs);
  }

  /** What was taken and is never acknowledged would be kept for ever. */
  #checkAcknowledged(): void {
    const max = this.#options.limits.maxReplayBytes + ON_THE_WAY_BYTES;
    if (this.#buffer.bytes <= max || this.hoardedBytes <= max) return;
    const reason = `it took ${this.hoardedBytes} bytes and did not acknowledge them`;
    this.fail(failure("CNR_ERR_PROTOCOL", { reason }));
  }

  #acknowledged(count: number): void {
    this.#buffer.acknowledge(count);
    this.#user.acknowledged(count);
    if (!this.#hasRefused || this.#buffer.bytes > this.#options.limits.maxReplayBytes) return;
    this.#hasRefused = false;
    this.#user.drained();
  }
}
