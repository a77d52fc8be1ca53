import type { ValueDecoder } from "../codec/value-decoder.ts";
import type { ValueEncoder } from "../codec/value-encoder.ts";
import { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { ConnectorError, failure, isErrorCode } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { endOfTurn } from "../core/turn.ts";
import { FrameKind, frameOf, isBulk } from "../protocol/frame.ts";
import type { FrameDecoder } from "../protocol/frame-decoder.ts";
import { decodeBye, encodeBye } from "../protocol/handshake-messages.ts";
import type { Link } from "../transport/transport.ts";
import type { AttachedLink } from "./attached-link.ts";
import { BulkMux } from "./bulk-mux.ts";
import { Inbox } from "./inbox.ts";
import { type MessageHandler, MessageHandlers } from "./message-handlers.ts";
import { Outbox } from "./outbox.ts";
import { type FrameUser, ResumableLink, type ResumableLinkOptions } from "./resumable-link.ts";
import { SessionCodecs } from "./session-codecs.ts";
import type { SessionStats } from "./stats.ts";

export interface SessionOptions extends ResumableLinkOptions {
  /** The link of its handshake, and what has read the handshake from it. */
  readonly link: Link;
  readonly decoder: FrameDecoder;
  /** The smaller of what the two sides take. */
  readonly maxValueBytes: number;
  /** The smaller of what the two sides take. */
  readonly maxDepth: number;
  /** How much of a channel the other side takes before it is read. */
  readonly peerWindowBytes: number;
  /** The server waits with reading while its answers are not taken; were both to wait, neither would go on. */
  readonly waitsForReader: boolean;
  readonly id: string;
}

/**
 * One conversation of two programs: messages in order, in both directions, over one link after another.
 * Features register handlers for their message types, and hear of the end.
 */
export class Session implements FrameUser {
  readonly id: string;
  readonly limits: Readonly<Limits>;
  readonly peerWindowBytes: number;
  /** Why the session is over. */
  ended: ConnectorError | undefined;
  /** Called before each message: whoever holds messages back writes them now, so that the order stays. */
  beforeMessage: (() => void) | undefined;

  /** Called before the first bulk channel is used, as in few sessions one ever is: says what it accepts. */
  beforeBulk: ((bulk: BulkMux) => void) | undefined;

  readonly #link: ResumableLink;
  /** Hears what its first link brings. */
  readonly attached: AttachedLink;
  readonly #codecs: SessionCodecs;
  readonly #handlers = new MessageHandlers();
  // Lists, which are small: a server has many sessions.
  #endListeners: ((reason: ConnectorError) => void)[] = [];
  readonly #drainListeners: (() => void)[] = [];
  readonly #absentListeners: ((reason: ConnectorError) => void)[] = [];
  readonly #resumedListeners: (() => void)[] = [];
  readonly #reader: ByteReader;
  readonly #inbox: Inbox;
  readonly #outbox = new Outbox();
  readonly #waitsForReader: boolean;
  readonly #flushAtEndOfTurn = (): void => {
    this.#isFlushScheduled = false;
    this.flush();
  };
  #isFlushScheduled = false;
  #bulk: BulkMux | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    const { limits, maxValueBytes, maxDepth } = options;
    this.id = options.id;
    this.limits = limits;
    this.peerWindowBytes = options.peerWindowBytes;
    this.#codecs = new SessionCodecs({ maxDepth, maxValueBytes, ownMaxDepth: limits.maxDepth });
    this.#inbox = new Inbox(limits.maxValueBytes);
    this.#reader = new ByteReader(new Uint8Array(0), this.#inbox.takeAttachment);
    this.#waitsForReader = options.waitsForReader;
    this.#link = new ResumableLink(options.link, options, this);
    this.attached = this.#link.attach(options.link, options.decoder, 0);
  }

  /** The newest link, also when it is lost. */
  get link(): Link {
    return this.#link.link;
  }

  /** Whether it waits for a new link. */
  get isAbsent(): boolean {
    return !this.#link.isAttached && !this.ended;
  }

  /** Counted frames in each direction. */
  get sentFrames(): number {
    return this.#link.sentFrames;
  }

  get receivedFrames(): number {
    return this.#link.receivedFrames;
  }

  /** Counted frames that were given to a link: a message of a later one has certainly not been read. */
  get handedFrames(): number {
    return this.#link.handedFrames;
  }

  /** See `ResumableLink.hoardedBytes`. */
  get hoardedBytes(): number {
    return this.#link.hoardedBytes;
  }

  get stats(): SessionStats {
    return this.#link.stats;
  }

  /** Registers the handlers of a feature's messages. */
  handle(handlers: Readonly<Record<number, MessageHandler>>): void {
    this.#handlers.set(handlers);
  }

  /**
   * Makes a feature when the first of its messages comes, for most clients use few of them.
   *
   * @param make - registers the handlers of these types
   */
  handleLater(types: readonly number[], make: () => void): void {
    this.#handlers.setLater(types, make);
  }

  /** Values inside messages: objects of one shape send their keys once a session. */
  get encoder(): ValueEncoder {
    return this.#codecs.encoder;
  }

  get decoder(): ValueDecoder {
    return this.#codecs.decoder;
  }

  /** Values as bytes of their own, that anyone can read at any time: for dicts, queues and broadcasts. */
  get plainEncoder(): ValueEncoder {
    return this.#codecs.plainEncoder;
  }

  get plainDecoder(): ValueDecoder {
    return this.#codecs.plainDecoder;
  }

  /** Streams of bytes beside the messages. */
  get bulk(): BulkMux {
    if (this.#bulk) return this.#bulk;
    this.#bulk = new BulkMux(this, this.#waitsForReader ? 2 : 1);
    this.beforeBulk?.(this.#bulk);
    return this.#bulk;
  }

  /** Hears of the end of the session, once; at once when it is over already. */
  onEnd(listener: (reason: ConnectorError) => void): void {
    if (this.ended) listener(this.ended);
    else this.#endListeners.push(listener);
  }

  /** Hears when all that was sent has been taken by the network. */
  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener);
  }

  /**
   * Hears that the link is lost, and why. Whoever listens sees to it that the session gets a new one or ends; where
   * nobody does, it ends with its link.
   */
  onAbsent(listener: (reason: ConnectorError) => void): void {
    this.#absentListeners.push(listener);
  }

  /** Hears that a new link has taken over. */
  onResumed(listener: () => void): void {
    this.#resumedListeners.push(listener);
  }

  /** Bytes of attachments that the message being read has taken so far: see `Inbox`. */
  get takenBytes(): number {
    return this.#inbox.takenBytes;
  }

  /** Whether so much waits to be taken by the other side, or by a link to come, that whoever can wait should. */
  get isSaturated(): boolean {
    return this.#link.isSaturated;
  }

  /** Whether a message is being written: a getter of its value may be what runs. */
  get isWriting(): boolean {
    return this.#outbox.isOpen;
  }

  /**
   * Opens a message; fields are written to the writer it gives, then `commit()` sends it, or `drop()` forgets it.
   * Throws why the session is over, when it is.
   */
  begin(type: number): ByteWriter {
    if (this.ended) throw this.ended;
    if (this.#outbox.isOpen) {
      throw failure("CNR_ERR_UNSENDABLE", {
        path: "value",
        reason: "a getter of a value that is being sent sends itself",
      });
    }
    this.beforeMessage?.();
    const writer = this.#outbox.begin();
    writer.byte(type);
    return writer;
  }

  /**
   * The messages of a turn leave together: at the end of the read that caused them, else at the end of the turn; a long
   * turn leaves in pieces, see `Outbox`.
   */
  commit(): void {
    if (this.#outbox.commit()) this.flush();
    else if (!this.#link.isReading && !this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      endOfTurn(this.#flushAtEndOfTurn);
    }
  }

  drop(): void {
    this.#outbox.drop();
  }

  flush(): void {
    if (this.#outbox.isOpen) return;
    const taken = this.#outbox.take();
    if (!taken) return this.#link.acknowledge();
    this.sendFrames(taken.chunks, taken.count);
  }

  /** @param chunks - see `ResumeBuffer.push` */
  sendFrames(chunks: Uint8Array[], count: number): void {
    this.#link.send(chunks, count);
    // What is only unacknowledged must not stop the reading: the acknowledgements come this way.
    if (this.#waitsForReader && this.link.bufferedBytes > this.limits.maxUnsentBytes) this.#link.pause();
  }

  /** Whether it can go on with another side that has so many of its frames. */
  canResume(theirReceivedFrames: number): boolean {
    return !this.ended && this.#link.canResume(theirReceivedFrames);
  }

  /** Leaves its link for one that is about to take over: from here on nothing that the old one brings is heard. */
  leaveLink(): void {
    if (!this.#link.isAttached) return;
    const { link } = this;
    this.#link.detach();
    link.abort();
    this.lost(failure("CNR_ERR_LINK_LOST", { reason: "the client came back over another" }));
  }

  /**
   * Goes on over a new link whose handshake is done.
   *
   * @param theirReceivedFrames - how many of this side's frames the other side has: what it lacks is sent again
   */
  resume(link: Link, decoder: FrameDecoder, theirReceivedFrames: number): AttachedLink {
    const attached = this.#link.attach(link, decoder, theirReceivedFrames);
    this.#link.countResume();
    for (const listener of this.#resumedListeners) listener();
    this.drained();
    return attached;
  }

  /** How long the other side takes to answer, as the handshake has shown. */
  measured(roundTripMs: number): void {
    this.#link.measured(roundTripMs);
  }

  drained(): void {
    if (this.ended) return;
    for (const listener of this.#drainListeners) listener();
    this.flush();
  }

  acknowledged(frames: number): void {
    this.#bulk?.acknowledged(frames);
  }

  timed(roundTripMs: number): void {
    this.#bulk?.timed(roundTripMs);
  }

  lost(reason: ConnectorError): void {
    if (this.ended) return;
    this.#inbox.dropPartial();
    if (this.#absentListeners.length === 0) return this.#end(reason);
    for (const listener of this.#absentListeners) listener(reason);
  }

  frame(kind: number, channel: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.ended) return;
    switch (kind) {
      case FrameKind.message: {
        if (!this.#inbox.hasFragments) return this.#dispatch(bytes, start, end);
        const whole = this.#inbox.joinFragments(bytes.subarray(start, end));
        return this.#dispatch(whole, 0, whole.length);
      }
      case FrameKind.more:
        return this.#inbox.addFragment(bytes.subarray(start, end));
      case FrameKind.bye:
        return this.#peerSaysBye(bytes.subarray(start, end));
      default:
        if (isBulk(kind)) return this.bulk.frame(kind, channel, bytes, start, end);
        throw failure("CNR_ERR_PROTOCOL", { reason: `a frame of unknown kind ${kind}` });
    }
  }

  raw(piece: Uint8Array, isLast: boolean): void {
    if (!this.ended) this.#inbox.addRaw(piece, isLast);
  }

  /** Ends the session in order: sends what is waiting, says goodbye, and resolves when the link is closed. */
  close(): Promise<void> {
    if (this.#closing) return this.#closing;
    if (this.ended) return this.link.close();
    if (this.isAbsent) {
      this.abort(failure("CNR_ERR_CLOSED", { by: "this side" }));
      return Promise.resolve();
    }
    this.beforeMessage?.();
    this.#closing = this.#sayBye({ code: "", text: "" }, failure("CNR_ERR_CLOSED", { by: "this side" }));
    return this.#closing;
  }

  /** Ends the session, and tells the other side why. */
  dismiss(reason: ConnectorError): void {
    if (this.isAbsent) this.abort(reason);
    else if (!this.ended) void this.#sayBye({ code: reason.code, text: reason.message }, reason);
  }

  /** Ends the session at once, because something is wrong. */
  abort(reason: ConnectorError): void {
    if (this.ended) return;
    this.#end(reason);
    this.link.abort(reason);
  }

  #dispatch(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    while (reader.position < reader.end && !this.ended) this.#handlers.dispatch(reader);
  }

  /** The other side's bytes are not what the protocol says: its link ends, with a word why; nothing else is touched. */
  fail(error: unknown): void {
    if (this.ended) return;
    const reason =
      ConnectorError.is(error) && error.code === "CNR_ERR_PROTOCOL"
        ? error
        : failure(
            "CNR_ERR_PROTOCOL",
            { reason: error instanceof Error ? error.message : String(error) },
            error,
          );
    void this.#sayBye({ code: reason.code, text: String(reason.details["reason"]) }, reason);
  }

  async #sayBye(bye: Parameters<typeof encodeBye>[0], reason: ConnectorError): Promise<void> {
    this.flush();
    this.#link.write(frameOf(FrameKind.bye, encodeBye(bye)));
    this.#end(reason);
    await this.link.close();
  }

  #peerSaysBye(payload: Uint8Array): void {
    const bye = decodeBye(payload);
    const reason =
      bye.code === ""
        ? failure("CNR_ERR_CLOSED", { by: "the other side" })
        : failure(isErrorCode(bye.code) ? bye.code : "CNR_ERR_PROTOCOL", {
            reason: `it ended the link and says: ${bye.text}`,
          });
    this.#end(reason);
    void this.link.close();
  }

  #end(reason: ConnectorError): void {
    this.ended = reason;
    this.#link.end();
    this.#outbox.discard();
    const listeners = this.#endListeners;
    this.#endListeners = [];
    for (const listener of listeners) listener(reason);
  }
}
