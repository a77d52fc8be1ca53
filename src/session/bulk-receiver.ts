import { ChunkList } from "../core/chunk-list.ts";
import { rejected } from "../core/deferred.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { WaitingLine } from "../core/waiting-line.ts";
import { resetError } from "./bulk-reset.ts";

/** What one read gives at most: what came in several pieces is joined for it. */
const MAX_READ_BYTES = 256 * 1024;

/** What a receiver works for. */
export interface BulkReceiverOwner {
  /** The sender may send so many bytes, counted from the beginning. */
  grant(receiver: BulkReceiver, limit: number): void;
  /** Its user reads no further. */
  reset(receiver: BulkReceiver, code: ErrorCode, text: string): void;
  /** It holds no bytes and will never hold any: another may have its place. */
  done(receiver: BulkReceiver): void;
}

/** The receiving end of a stream of bytes. Reading it gives the sender credit for more. */
export class BulkReceiver implements AsyncIterable<Uint8Array> {
  readonly id: number;
  readonly name: string;
  readonly #owner: BulkReceiverOwner;
  readonly #window: number;
  readonly #chunks = new ChunkList();
  readonly #readers = new WaitingLine<Uint8Array | undefined>();
  #received = 0;
  #consumed = 0;
  #granted = 0;
  /** Nothing more is taken in; `error` is missing where it ended in order. */
  #over: { readonly error: ConnectorError | undefined } | undefined;

  constructor(owner: BulkReceiverOwner, id: number, name: string, windowBytes: number) {
    this.#owner = owner;
    this.id = id;
    this.name = name;
    this.#window = windowBytes;
  }

  /** Bytes that have come and are unread. */
  get unreadBytes(): number {
    return this.#chunks.bytes;
  }

  /** Whether nothing more is taken in: it has ended, was reset, or its session is over. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /**
   * The next bytes, as many as there are up to 256 KiB, or undefined after the last.
   *
   * Rejects with the error of the reset when either side has reset the channel, with the reason of the session's end when
   * it ends first, and as `options` say.
   */
  read(options?: WaitOptions): Promise<Uint8Array | undefined> {
    if (options?.signal?.aborted) return rejected(options.signal.reason);
    if (this.#chunks.bytes > 0 && this.#readers.size === 0) return Promise.resolve(this.#take());
    if (!this.#over) return this.#readers.join(`read from "${this.name}"`, options);
    return this.#over.error ? rejected(this.#over.error) : Promise.resolve(undefined);
  }

  /** The bytes as they come; leaving the loop before their end resets the channel. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let bytes = await this.read(); bytes; bytes = await this.read()) yield bytes;
    } finally {
      this.reset();
    }
  }

  /**
   * Reads no further: what has come is dropped, and the sender gets the same error.
   *
   * @param code - an error of docs/ERRORS.md
   * @param text - fills the text of that error
   */
  reset(code: ErrorCode = "CNR_ERR_CANCELLED", text: string = `reading from "${this.name}"`): void {
    if (!this.#over) {
      this.#finish(resetError({ code, text }));
      this.#owner.reset(this, code, text);
    }
    this.#drop();
  }

  /** There is place for its bytes. */
  admit(): void {
    this.#grant();
  }

  /** Bytes have come. Throws `CNR_ERR_PROTOCOL` where the sender had no credit for them. */
  receive(bytes: Uint8Array): void {
    this.#received += bytes.length;
    if (this.#received > this.#granted) {
      const reason = `${this.#received} bytes on channel ${this.id}, which has credit for ${this.#granted}`;
      throw failure("CNR_ERR_PROTOCOL", { reason });
    }
    // Given up here, which the sender does not know yet.
    if (this.#over) return;
    // A small part of what was read from the socket must not keep the whole of it; to copy a large one costs more.
    this.#chunks.push(bytes.length * 4 < bytes.buffer.byteLength ? bytes.slice() : bytes);
    this.#serve();
  }

  /** The sender has sent all: throws `CNR_ERR_PROTOCOL` where that is not what has come. */
  finish(totalBytes: number): void {
    if (totalBytes !== this.#received) {
      const reason = `channel ${this.id} ends after ${totalBytes} bytes, ${this.#received} have come`;
      throw failure("CNR_ERR_PROTOCOL", { reason });
    }
    if (this.#over) return;
    this.#finish(undefined);
    if (this.#chunks.bytes === 0) this.#owner.done(this);
  }

  /** The sender has given up. */
  wasReset(error: ConnectorError): void {
    if (this.#over) return;
    this.#finish(error);
    this.#drop();
  }

  /** The session is over: readers get what is left, then the reason. */
  close(reason: ConnectorError): void {
    if (!this.#over) this.#finish(reason);
  }

  #finish(error: ConnectorError | undefined): void {
    this.#over = { error };
    for (let reader = this.#readers.next(); reader; reader = this.#readers.next()) {
      if (error) reader.reject(error);
      else reader.resolve(undefined);
    }
  }

  #drop(): void {
    this.#chunks.clear();
    this.#owner.done(this);
  }

  #serve(): void {
    while (this.#chunks.bytes > 0) {
      const reader = this.#readers.next();
      if (!reader) return;
      reader.resolve(this.#take());
    }
  }

  #take(): Uint8Array {
    const taken = this.#chunks.take(Math.min(this.#chunks.bytes, MAX_READ_BYTES));
    this.#consumed += taken.length;
    if (this.#over) {
      if (this.#chunks.bytes === 0) this.#owner.done(this);
    } else if (this.#granted - this.#consumed <= this.#window / 2) this.#grant();
    return taken;
  }

  #grant(): void {
    this.#granted = this.#consumed + this.#window;
    this.#owner.grant(this, this.#granted);
  }
}
