import type { FunctionCodec } from "../codec/function-codec.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { rejected } from "../core/deferred.ts";
import { failure } from "../core/errors.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { WaitingLine } from "../core/waiting-line.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "./session.ts";
import { WaitingBytes } from "./waiting-bytes.ts";

const DONE = Promise.resolve();

/** The sending end of a stream of values: sends while the receiver has room, then waits. */
export class OutgoingChannel {
  readonly #session: Session;
  readonly #id: number;
  readonly #what: string;
  readonly #functions: FunctionCodec | undefined;
  readonly #waiting = new WaitingLine<void>();
  #sent = 0;
  #limit: number;
  #over: { readonly reason: unknown } | undefined;
  /** Called when the receiver has stopped reading. */
  onStop: (() => void) | undefined;

  constructor(session: Session, id: number, what: string, functions: FunctionCodec | undefined) {
    this.#session = session;
    this.#id = id;
    this.#what = what;
    this.#functions = functions;
    this.#limit = session.peerWindowBytes;
  }

  /** Resolves when the value is handed to the link. A value that must wait is taken as it is now. */
  send(value: unknown, options?: WaitOptions): Promise<void> {
    if (this.#over) return rejected(this.#over.reason);
    if (options?.signal?.aborted) return rejected(options.signal.reason);
    try {
      if (this.#hasRoom) this.#write(value);
      else return this.#waitWith(value, options);
    } catch (error) {
      return rejected(error);
    }
    return DONE;
  }

  /** The same for a value that is encoded already, on its own. */
  sendBytes(bytes: Uint8Array, options?: WaitOptions): Promise<void> {
    if (this.#over) return rejected(this.#over.reason);
    if (!this.#hasRoom) return this.#wait(bytes, options);
    this.#writeBytes(bytes);
    return DONE;
  }

  /**
   * No more will be sent.
   *
   * @param reason - what becomes of sends that still wait for room, and of later ones
   */
  end(reason: unknown = failure("CNR_ERR_CLOSED", { by: "this side" })): void {
    if (this.#over || this.#session.ended) return;
    const writer = this.#session.begin(MessageType.channelEnd);
    writer.uint(this.#id);
    this.#session.commit();
    this.close(reason);
  }

  /** Ends it with an error, which the reader gets after what was sent; throws, and stays open, when the error cannot travel. */
  fail(error: unknown): void {
    if (this.#over || this.#session.ended) return;
    const writer = this.#session.begin(MessageType.channelFail);
    try {
      writer.uint(this.#id);
      this.#session.encoder.encode(writer, error);
    } catch (unsendable) {
      this.#session.drop();
      throw unsendable;
    }
    this.#session.commit();
    this.close(error);
  }

  /** Ends all waits here; nothing is told to the other side. */
  close(reason: unknown): void {
    if (this.#over) return;
    this.#over = { reason };
    this.#waiting.rejectAll(reason);
  }

  stopped(reason: unknown): void {
    this.close(reason);
    this.onStop?.();
  }

  grant(limit: number): void {
    if (limit > this.#limit) this.#limit = limit;
    this.pump();
  }

  /** Sends what waited, as far as there is room now. */
  pump(): void {
    while (this.#waiting.size > 0 && this.#sent < this.#limit && !this.#session.isSaturated) {
      const next = this.#waiting.next() as WaitingBytes;
      this.#writeBytes(next.bytes);
      next.resolve();
    }
  }

  get #hasRoom(): boolean {
    return this.#sent < this.#limit && this.#waiting.size === 0 && !this.#session.isSaturated;
  }

  #waitWith(value: unknown, options: WaitOptions | undefined): Promise<void> {
    const promise = this.#wait(this.#encoded(value), options);
    const unsend = this.#functions?.setAside?.();
    // Given up, or the channel has ended: what the value has lent is taken back.
    if (unsend) promise.catch(unsend);
    return promise;
  }

  #wait(bytes: Uint8Array, options: WaitOptions | undefined): Promise<void> {
    return this.#waiting.add(new WaitingBytes(bytes, this.#what, options, this.#waiting.leave));
  }

  #write(value: unknown): void {
    const session = this.#session;
    const writer = session.begin(MessageType.channelValue);
    try {
      writer.uint(this.#id);
      const start = writer.position;
      const attached = writer.attachedBytes;
      session.encoder.encode(writer, value, this.#functions);
      this.#sent += writer.position - start + writer.attachedBytes - attached;
    } catch (error) {
      session.drop();
      throw error;
    }
    session.commit();
  }

  #writeBytes(bytes: Uint8Array): void {
    const writer = this.#session.begin(MessageType.channelBytes);
    writer.uint(this.#id);
    const start = writer.position;
    const attached = writer.attachedBytes;
    writer.binary(bytes);
    this.#sent += writer.position - start + writer.attachedBytes - attached;
    this.#session.commit();
  }

  #encoded(value: unknown): Uint8Array {
    const writer = new ByteWriter();
    this.#session.plainEncoder.encode(writer, value, this.#functions);
    return writer.bytes.slice(0, writer.position);
  }
}
