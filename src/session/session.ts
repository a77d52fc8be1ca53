import { ValueDecoder } from "../codec/value-decoder.ts";
import { ValueEncoder } from "../codec/value-encoder.ts";
import { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { ConnectorError, failure, isErrorCode } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { endOfTurn } from "../core/turn.ts";
import { FRAGMENT_BYTES, FrameKind, frameOf, isCounted } from "../protocol/frame.ts";
import type { FrameDecoder, FrameSink } from "../protocol/frame-decoder.ts";
import { decodeBye, encodeBye } from "../protocol/handshake-messages.ts";
import type { Link, LinkHandler } from "../transport/transport.ts";
import { Heartbeat, type HeartbeatOptions } from "./heartbeat.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";

/** Reads the fields of one message; what it reads is valid until it returns. */
export type MessageHandler = (reader: ByteReader, type: number) => void;

/** Message types are smaller than this. */
const MESSAGE_TYPES = 64;

export interface SessionOptions {
  readonly link: Link;
  readonly decoder: FrameDecoder;
  readonly limits: Readonly<Limits>;
  /** The smaller of what the two sides take. */
  readonly maxValueBytes: number;
  /** The smaller of what the two sides take. */
  readonly maxDepth: number;
  /** How much of a channel the other side takes before it is read. */
  readonly peerWindowBytes: number;
  /** The server waits with reading while its answers are not taken; were both to wait, neither would go on. */
  readonly waitsForReader: boolean;
  readonly heartbeat?: HeartbeatOptions | undefined;
  readonly id: string;
}

/**
 * One conversation of two programs: messages in order, in both directions, over a link.
 * Features register handlers for their message types, and hear of the end.
 */
export class Session implements LinkHandler, FrameSink {
  readonly id: string;
  readonly limits: Readonly<Limits>;
  readonly peerWindowBytes: number;
  readonly link: Link;
  /** Why the session is over. */
  ended: ConnectorError | undefined;
  /** Called before each message: whoever holds messages back writes them now, so that the order stays. */
  beforeMessage: (() => void) | undefined;

  readonly #frames: FrameDecoder;
  readonly #encoding: { readonly maxDepth: number; readonly maxValueBytes: number };
  #encoder: ValueEncoder | undefined;
  #decoder: ValueDecoder | undefined;
  #plainEncoder: ValueEncoder | undefined;
  #plainDecoder: ValueDecoder | undefined;
  /** By type; few types, so that a session nobody uses stays small. */
  readonly #handlers: (MessageHandler | undefined)[] = new Array<MessageHandler | undefined>(MESSAGE_TYPES);
  readonly #endListeners = new Set<(reason: ConnectorError) => void>();
  readonly #drainListeners = new Set<() => void>();
  readonly #reader: ByteReader;
  readonly #inbox: Inbox;
  readonly #outbox = new Outbox();
  readonly #heartbeat: Heartbeat;
  readonly #waitsForReader: boolean;
  readonly #flushAtEndOfTurn = (): void => {
    this.#isFlushScheduled = false;
    this.flush();
  };
  #isFlushScheduled = false;
  #isReading = false;
  #isPaused = false;
  #bufferedAtTick = 0;
  #closing: Promise<void> | undefined;
  /** Counted frames in each direction: what a resumed link will go on from. */
  sentFrames = 0;
  receivedFrames = 0;

  constructor(options: SessionOptions) {
    const { link, limits, maxValueBytes, maxDepth } = options;
    this.id = options.id;
    this.limits = limits;
    this.peerWindowBytes = options.peerWindowBytes;
    this.link = link;
    this.#encoding = { maxDepth, maxValueBytes };
    this.#inbox = new Inbox(limits.maxValueBytes);
    this.#reader = new ByteReader(new Uint8Array(0), this.#inbox.takeAttachment);
    this.#waitsForReader = options.waitsForReader;
    this.#frames = options.decoder;
    // What the other side cuts its messages to is no matter of options.
    this.#frames.maxFrameBytes = Math.max(limits.maxFrameBytes, FRAGMENT_BYTES);
    this.#frames.sink = this;
    this.#heartbeat = new Heartbeat(
      {
        hasProgressed: () => this.#hasProgressed(),
        ping: () => link.write([frameOf(FrameKind.ping)]),
        die: (silentMs) => this.abort(failure("CNR_ERR_HEARTBEAT", { silentMs })),
      },
      options.heartbeat,
    );
  }

  /** Registers the handlers of a feature's messages. */
  handle(handlers: Readonly<Record<number, MessageHandler>>): void {
    for (const [type, handler] of Object.entries(handlers)) this.#handlers[Number(type)] = handler;
  }

  /**
   * Makes a feature when the first of its messages comes, for most clients use few of them.
   *
   * @param make - registers the handlers of these types
   */
  handleLater(types: readonly number[], make: () => void): void {
    const first: MessageHandler = (reader, type) => {
      make();
      this.#handlers[type]?.(reader, type);
    };
    for (const type of types) this.#handlers[type] = first;
  }

  /** Values inside messages: objects of one shape send their keys once a session. */
  get encoder(): ValueEncoder {
    this.#encoder ??= new ValueEncoder({ ...this.#encoding, shapes: true });
    return this.#encoder;
  }

  get decoder(): ValueDecoder {
    this.#decoder ??= new ValueDecoder({ maxDepth: this.limits.maxDepth, shapes: true });
    return this.#decoder;
  }

  /** Values as bytes of their own, that anyone can read at any time: for dicts, queues and broadcasts. */
  get plainEncoder(): ValueEncoder {
    this.#plainEncoder ??= new ValueEncoder({ ...this.#encoding, shapes: false });
    return this.#plainEncoder;
  }

  get plainDecoder(): ValueDecoder {
    this.#plainDecoder ??= new ValueDecoder({ maxDepth: this.limits.maxDepth, shapes: false });
    return this.#plainDecoder;
  }

  /** Hears of the end of the session, once; at once when it is over already. */
  onEnd(listener: (reason: ConnectorError) => void): void {
    if (this.ended) listener(this.ended);
    else this.#endListeners.add(listener);
  }

  /** Hears when all that was sent has been taken by the network. */
  onDrain(listener: () => void): void {
    this.#drainListeners.add(listener);
  }

  /** Bytes of attachments that the message being read has taken so far: see `Inbox`. */
  get takenBytes(): number {
    return this.#inbox.takenBytes;
  }

  /** Whether so much waits to be taken by the network that whoever can wait should. */
  get isSaturated(): boolean {
    return this.link.bufferedBytes > this.limits.maxUnsentBytes;
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
    else if (!this.#isReading && !this.#isFlushScheduled) {
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
    if (!taken) return;
    this.sentFrames += taken.count;
    this.link.write(taken.chunks);
    if (this.#waitsForReader && !this.#isPaused && this.isSaturated) {
      this.#isPaused = true;
      this.link.pause();
    }
  }

  data(bytes: Uint8Array): void {
    if (this.ended) return;
    this.#heartbeat.beat();
    this.#isReading = true;
    try {
      this.#frames.push(bytes);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#isReading = false;
    }
    this.flush();
  }

  drained(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.link.resume();
    }
    for (const listener of this.#drainListeners) listener();
    this.flush();
  }

  closed(error?: Error): void {
    if (this.ended) return;
    const reason = error
      ? ((error as { code?: string }).code ?? error.message)
      : "the other side ended it without a word";
    this.#end(failure("CNR_ERR_LINK_LOST", { reason }, error));
  }

  frame(kind: number, _channel: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.ended) return;
    if (isCounted(kind)) this.receivedFrames++;
    switch (kind) {
      case FrameKind.message: {
        if (!this.#inbox.hasFragments) return this.#dispatch(bytes, start, end);
        const whole = this.#inbox.joinFragments(bytes.subarray(start, end));
        return this.#dispatch(whole, 0, whole.length);
      }
      case FrameKind.more:
        return this.#inbox.addFragment(bytes.subarray(start, end));
      case FrameKind.ping:
        // What waits to be read is as good a sign of life; and pongs for a reader that stands still would pile up.
        if (this.link.bufferedBytes === 0) this.link.write([frameOf(FrameKind.pong)]);
        return;
      case FrameKind.pong:
        return;
      case FrameKind.bye:
        return this.#peerSaysBye(bytes.subarray(start, end));
      default:
        throw failure("CNR_ERR_PROTOCOL", { reason: `a frame of unknown kind ${kind}` });
    }
  }

  raw(piece: Uint8Array, isLast: boolean): void {
    if (this.ended) return;
    if (isLast) this.receivedFrames++;
    this.#inbox.addRaw(piece);
  }

  /** Ends the session in order: sends what is waiting, says goodbye, and resolves when the link is closed. */
  close(): Promise<void> {
    if (this.#closing) return this.#closing;
    if (this.ended) return this.link.close();
    this.beforeMessage?.();
    this.#closing = this.#sayBye({ code: "", text: "" }, failure("CNR_ERR_CLOSED", { by: "this side" }));
    return this.#closing;
  }

  /** Ends the session at once, because something is wrong. */
  abort(reason: ConnectorError): void {
    if (this.ended) return;
    this.#end(reason);
    this.link.abort(reason);
  }

  #hasProgressed(): boolean {
    const before = this.#bufferedAtTick;
    this.#bufferedAtTick = this.link.bufferedBytes;
    return this.#bufferedAtTick < before;
  }

  #dispatch(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    while (reader.position < reader.end && !this.ended) {
      const type = reader.byte();
      const handler = this.#handlers[type];
      if (!handler) throw failure("CNR_ERR_PROTOCOL", { reason: `a message of unknown type ${type}` });
      handler(reader, type);
    }
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
    this.link.write([frameOf(FrameKind.bye, encodeBye(bye))]);
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
    this.#heartbeat.stop();
    this.#frames.stop();
    this.#outbox.discard();
    const listeners = [...this.#endListeners];
    this.#endListeners.clear();
    for (const listener of listeners) listener(reason);
  }
}
