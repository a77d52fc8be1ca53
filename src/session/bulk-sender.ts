import { Deferred, rejected } from "../core/deferred.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import { type WaitOptions, waitFor } from "../core/waiting.ts";
import { WaitingLine } from "../core/waiting-line.ts";
import { endFrame } from "../protocol/control-frames.ts";
import { resetError } from "./bulk-reset.ts";
import { WaitingBytes } from "./waiting-bytes.ts";

const DONE = Promise.resolve();
const NOTHING: Uint8Array = new Uint8Array(0);

/** What a sender works for. */
export interface BulkSenderOwner {
  /** It has something to send, and credit for it. */
  ready(sender: BulkSender): void;
  /** Its user ends it before its time. */
  reset(sender: BulkSender, code: ErrorCode, text: string): void;
}

/** The sending end of a stream of bytes. It sends as far as the receiver has given it credit and its turn comes. */
export class BulkSender {
  readonly id: number;
  readonly #owner: BulkSenderOwner;
  readonly #what: string;
  readonly #waiting = new WaitingLine<void>();
  readonly #finished = new Deferred<void>();
  /** In line for its turn. */
  isInLine = false;
  #current: Uint8Array = NOTHING;
  #sent = 0;
  #limit = 0;
  #isEnding = false;
  #over: { readonly reason: unknown } | undefined;

  /** @param name - of the channel, for the text of a time-out */
  constructor(owner: BulkSenderOwner, id: number, name: string) {
    this.#owner = owner;
    this.id = id;
    this.#what = `send of bytes to "${name}"`;
  }

  /** Bytes that were sent so far. */
  get sentBytes(): number {
    return this.#sent;
  }

  /**
   * Sends bytes, which must not change afterwards: they are sent, and after a lost link sent again, from where they are.
   * Only one piece is under way at a time; the next waits.
   *
   * @param options - end the wait; then nothing of these bytes is sent
   * @returns a promise that resolves when all bytes before these are with the link, so that these are next
   *
   * Rejects with the error of the reset when either side has reset the channel, with `CNR_ERR_CLOSED` after `end()`,
   * and as the session ends.
   */
  send(bytes: Uint8Array, options?: WaitOptions): Promise<void> {
    if (this.#over) return rejected(this.#over.reason);
    if (options?.signal?.aborted) return rejected(options.signal.reason);
    if (this.#isEnding) return rejected(failure("CNR_ERR_CLOSED", { by: "this side" }));
    if (bytes.length === 0) return DONE;
    if (this.#current.length > 0 || this.#waiting.size > 0) {
      return this.#waiting.add(new WaitingBytes(bytes, this.#what, options, this.#waiting.leave));
    }
    this.#current = bytes;
    this.#wake();
    return DONE;
  }

  /**
   * Nothing will follow what was sent.
   *
   * @returns a promise that resolves when all of it is with the link; rejects as `send` does
   */
  end(options?: WaitOptions): Promise<void> {
    if (!this.#isEnding && !this.#over) {
      this.#isEnding = true;
      this.#wake();
    }
    return waitFor(this.#finished.promise, this.#what, options);
  }

  /**
   * Gives the channel up: what was not sent is dropped, and the receiver gets the same error in place of what it has not read.
   *
   * @param code - an error of docs/ERRORS.md
   * @param text - fills the text of that error
   */
  reset(code: ErrorCode = "CNR_ERR_CANCELLED", text: string = this.#what): void {
    if (this.#over) return;
    this.close(resetError({ code, text }));
    this.#owner.reset(this, code, text);
  }

  get isReady(): boolean {
    if (this.#over) return false;
    return this.#current.length > 0 ? this.#sent < this.#limit : this.#isEnding && this.#waiting.size === 0;
  }

  /** The next bytes to go, at most so many, or undefined; whoever takes them sends them. */
  take(maxBytes: number): Uint8Array | undefined {
    const length = Math.min(maxBytes, this.#current.length, this.#limit - this.#sent);
    if (this.#over || length <= 0) return undefined;
    const taken = this.#current.subarray(0, length);
    this.#current = this.#current.subarray(length);
    this.#sent += length;
    if (this.#current.length === 0) this.#nextPiece();
    return taken;
  }

  /** The frame that ends the channel, once everything is taken. */
  takeEnd(): Uint8Array | undefined {
    if (!this.#isEnding || this.#current.length > 0 || this.#waiting.size > 0 || this.#over) return undefined;
    this.#over = { reason: failure("CNR_ERR_CLOSED", { by: "this side" }) };
    this.#finished.resolve();
    return endFrame(this.id, this.#sent);
  }

  /** @param limit - bytes since the beginning: said twice, it counts once */
  grant(limit: number): void {
    if (limit <= this.#limit) return;
    this.#limit = limit;
    this.#wake();
  }

  /** Ends all waits; nothing is told to the other side. */
  close(reason: ConnectorError): void {
    if (this.#over) return;
    this.#over = { reason };
    this.#current = NOTHING;
    this.#waiting.rejectAll(reason);
    this.#finished.reject(reason);
  }

  #nextPiece(): void {
    const next = this.#waiting.next() as WaitingBytes | undefined;
    this.#current = next?.bytes ?? NOTHING;
    next?.resolve();
  }

  #wake(): void {
    if (this.isReady) this.#owner.ready(this);
  }
}
