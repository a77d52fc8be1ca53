import type { ErrorCode } from "../core/error-codes.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { openFrame, readOpening, readReset, resetFrame } from "../protocol/bulk-frames.ts";
import { creditFrame, readNumber } from "../protocol/control-frames.ts";
import { FrameKind } from "../protocol/frame.ts";
import { BulkReceiver, type BulkReceiverOwner } from "./bulk-receiver.ts";
import { resetError } from "./bulk-reset.ts";
import { BulkScheduler, type FrameCarrier } from "./bulk-scheduler.ts";
import { BulkSender, type BulkSenderOwner } from "./bulk-sender.ts";
import { BulkWindow } from "./bulk-window.ts";
import type { SessionStats } from "./stats.ts";

const MAX_NAME_LENGTH = 1024;
const MAX_ID = 0xffff_ffff;

/** Gets the receiving end of a channel that the other side has opened: it reads it, or resets it. */
export type BulkAcceptor = (receiver: BulkReceiver) => void;

/** What bulk channels need of a session. */
export interface BulkSession extends FrameCarrier {
  readonly limits: Readonly<Limits>;
  readonly stats: SessionStats;
  onDrain(listener: () => void): void;
  onResumed(listener: () => void): void;
  onEnd(listener: (reason: ConnectorError) => void): void;
}

/**
 * The bulk channels of a session: streams of bytes beside the messages, in one direction each, from who opens them.
 * The client numbers its channels 1, 3, 5, the server 2, 4, 6; no number is used again.
 */
export class BulkMux implements BulkSenderOwner, BulkReceiverOwner {
  readonly #session: BulkSession;
  readonly #scheduler: BulkScheduler;
  readonly #senders = new Map<number, BulkSender>();
  readonly #receivers = new Map<number, BulkReceiver>();
  readonly #acceptors = new Map<number, BulkAcceptor>();
  /** Those that have bytes or credit for them: each may take up a window of memory. */
  readonly #admitted = new Set<BulkReceiver>();
  /** Those that wait until one of the admitted is done. */
  readonly #waiting = new Set<BulkReceiver>();
  #nextId: number;
  #lastOpened = 0;

  /** @param firstId - 1 for the client, 2 for the server */
  constructor(session: BulkSession, firstId: 1 | 2) {
    this.#session = session;
    this.#nextId = firstId;
    const onEnd = (sender: BulkSender): void => void this.#senders.delete(sender.id);
    // The other half is for messages: those that are sent while there is no link must not end the session.
    const window = new BulkWindow(() => performance.now(), session.limits.maxReplayBytes / 2);
    this.#scheduler = new BulkScheduler(session, onEnd, window);
    const { roundTripMs } = session.stats;
    if (roundTripMs !== undefined) this.timed(roundTripMs);
    session.onDrain(() => this.#scheduler.schedule());
    session.onResumed(() => this.#scheduler.window.restart());
    session.onEnd((reason) => this.#end(reason));
  }

  /** Says what becomes of channels of a type that the other side opens. */
  accept(type: number, acceptor: BulkAcceptor): void {
    this.#acceptors.set(type, acceptor);
  }

  /**
   * Opens a channel to the other side; bytes may be sent at once, and wait there for credit.
   *
   * @param type - what it is for: the other side has an acceptor for it
   * @param name - at most 1024 characters
   *
   * Throws `CNR_ERR_TOO_MANY` when `limits.maxBulkChannels` are open, and why the session is over, when it is.
   */
  open(type: number, name: string): BulkSender {
    if (this.#session.ended) throw this.#session.ended;
    const { maxBulkChannels: max } = this.#session.limits;
    if (this.#senders.size >= max) {
      throw failure("CNR_ERR_TOO_MANY", { what: "open bulk channels", max, option: "maxBulkChannels" });
    }
    if (name.length > MAX_NAME_LENGTH) {
      throw new RangeError(`the name of a bulk channel has at most ${MAX_NAME_LENGTH} characters`);
    }
    if (this.#nextId > MAX_ID) {
      throw failure("CNR_ERR_SESSION_LOST", { reason: "it has used up the numbers of its channels" });
    }
    const sender = new BulkSender(this, this.#nextId, name);
    this.#nextId += 2;
    this.#senders.set(sender.id, sender);
    this.#send(openFrame(sender.id, { type, name }));
    return sender;
  }

  /** A frame of a bulk channel. Throws `CNR_ERR_PROTOCOL` where it cannot be. */
  frame(kind: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    switch (kind) {
      case FrameKind.open:
        return this.#opened(id, bytes, start, end);
      case FrameKind.data:
        if (start === end) throw failure("CNR_ERR_PROTOCOL", { reason: "bulk data without a byte" });
        return this.#receiver(id).receive(bytes.subarray(start, end));
      case FrameKind.end: {
        const receiver = this.#receiver(id);
        receiver.finish(readNumber(bytes, start, end));
        this.#receivers.delete(id);
        return;
      }
      case FrameKind.credit:
        return this.#sender(id)?.grant(readNumber(bytes, start, end));
      default:
        return this.#reset(id, bytes, start, end);
    }
  }

  acknowledged(frames: number): void {
    this.#scheduler.acknowledged(frames);
  }

  timed(roundTripMs: number): void {
    this.#scheduler.window.timed(roundTripMs);
  }

  ready(sender: BulkSender): void {
    this.#scheduler.add(sender);
  }

  grant(receiver: BulkReceiver, limit: number): void {
    this.#send(creditFrame(receiver.id, limit));
  }

  done(receiver: BulkReceiver): void {
    this.#waiting.delete(receiver);
    if (!this.#admitted.delete(receiver)) return;
    for (const next of this.#waiting) {
      if (this.#admitted.size >= this.#session.limits.maxBulkChannels) return;
      this.#waiting.delete(next);
      this.#admit(next);
    }
  }

  reset(end: BulkSender | BulkReceiver, code: ErrorCode, text: string): void {
    this.#send(resetFrame(end.id, { code, text }));
    // A receiver stays until its sender has answered: bytes may be on their way.
    this.#senders.delete(end.id);
  }

  #opened(id: number, bytes: Uint8Array, start: number, end: number): void {
    const { type, name } = readOpening(bytes, start, end);
    const acceptor = this.#acceptors.get(type);
    if (!acceptor || this.#isOwn(id) || id <= this.#lastOpened || name.length > MAX_NAME_LENGTH) {
      throw failure("CNR_ERR_PROTOCOL", { reason: `a bulk channel ${id} of type ${type} that cannot be` });
    }
    const { maxBulkChannels, bulkWindowBytes } = this.#session.limits;
    if (this.#receivers.size >= maxBulkChannels) {
      throw failure("CNR_ERR_PROTOCOL", { reason: `more than ${maxBulkChannels} bulk channels at once` });
    }
    this.#lastOpened = id;
    const receiver = new BulkReceiver(this, id, name, bulkWindowBytes);
    this.#receivers.set(id, receiver);
    acceptor(receiver);
    if (receiver.isOver) return;
    if (this.#admitted.size < maxBulkChannels) this.#admit(receiver);
    else this.#waiting.add(receiver);
  }

  #admit(receiver: BulkReceiver): void {
    this.#admitted.add(receiver);
    receiver.admit();
  }

  #reset(id: number, bytes: Uint8Array, start: number, end: number): void {
    const reset = readReset(bytes, start, end);
    if (!this.#isOwn(id)) {
      this.#receiver(id).wasReset(resetError(reset));
      this.#receivers.delete(id);
      return;
    }
    const sender = this.#sender(id);
    if (!sender) return;
    sender.close(resetError(reset));
    this.#senders.delete(id);
    // Answered, so that the reader's side can forget the channel too.
    this.#send(resetFrame(id, reset));
  }

  /** The sender of a channel of this side's, or undefined when it is over here: the two ends may have crossed on the way. */
  #sender(id: number): BulkSender | undefined {
    if (!this.#isOwn(id) || id >= this.#nextId) throw notOpen(id);
    return this.#senders.get(id);
  }

  #receiver(id: number): BulkReceiver {
    const receiver = this.#receivers.get(id);
    if (!receiver) throw notOpen(id);
    return receiver;
  }

  #isOwn(id: number): boolean {
    return id % 2 === this.#nextId % 2;
  }

  #send(frame: Uint8Array): void {
    if (!this.#session.ended) this.#session.sendFrames([frame], 1);
  }

  #end(reason: ConnectorError): void {
    for (const sender of this.#senders.values()) sender.close(reason);
    for (const receiver of this.#receivers.values()) receiver.close(reason);
    this.#senders.clear();
    this.#receivers.clear();
    this.#waiting.clear();
    this.#scheduler.clear();
  }
}

function notOpen(id: number): ConnectorError {
  return failure("CNR_ERR_PROTOCOL", { reason: `a frame of bulk channel ${id}, which is not open` });
}
