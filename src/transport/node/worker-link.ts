import type { MessagePort } from "node:worker_threads";
import { RingBuffer } from "../../core/ring-buffer.ts";
import { endOfTurn } from "../../core/turn.ts";
import { type Address, LINGER_MS, type Link, type LinkHandler } from "../transport.ts";

/** Bytes on the way that the other side has not read yet: a port itself takes whatever is posted. */
const WINDOW_BYTES = 1024 * 1024;
/** What is read is told of when it is so much. */
const CREDIT_BYTES = WINDOW_BYTES / 4;
/** One message carries no more: the other thread works on it while this one copies the next. */
const PIECE_BYTES = 256 * 1024;
/** After the last bytes of a side. */
const END = "end";
/** Bytes; so many bytes were read; the end. */
type Posted = Uint8Array | number | typeof END;

export interface WorkerLinkOptions {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
}

/** A link over a MessagePort, to another thread. */
export class WorkerLink implements Link {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Who was given the port needs no key. */
  readonly keyName: undefined;
  readonly #port: MessagePort;
  readonly #held = new RingBuffer<Uint8Array>();
  /** Of the first chunk that is held, so many bytes are posted already. */
  #postedOfFirst = 0;
  #heldBytes = 0;
  #unreadBytes = 0;
  readonly #inbound = new RingBuffer<Uint8Array>();
  #owedCredit = 0;
  #handler: LinkHandler | undefined;
  #isPaused = false;
  #hasEnded = false;
  #hasPostedEnd = false;
  #otherHasEnded = false;
  #isClosed = false;
  #error: Error | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  readonly #whenClosed: Promise<void>;
  #resolveClosed: () => void = () => {};

  constructor(port: MessagePort, { localAddress, remoteAddress }: WorkerLinkOptions) {
    this.#port = port;
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
    this.#whenClosed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    // From here on, though nothing is handed over before the start: what comes to a port without a listener is lost.
    port.on("message", (message: Posted) => this.#take(message));
    port.on("close", () => this.#finish(new Error("the other thread has ended the link")));
  }

  get bufferedBytes(): number {
    return this.#heldBytes;
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
    void this.#whenClosed.then(() => handler.closed(this.#error));
    endOfTurn(() => this.#deliver());
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#isClosed || this.#hasEnded) return;
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
    }
    this.#post();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    endOfTurn(() => this.#deliver());
  }

  close(): Promise<void> {
    if (!this.#isClosed && !this.#linger) this.#linger = setTimeout(() => this.abort(), LINGER_MS);
    this.#end();
    // Paused, or never started, it would not see the other side's end.
    this.#isPaused = false;
    endOfTurn(() => this.#deliver());
    return this.#whenClosed;
  }

  abort(reason?: Error): void {
    this.#finish(reason);
  }

  #take(message: Posted): void {
    if (this.#isClosed) return;
    if (typeof message === "number") {
      this.#unreadBytes -= message;
      const wasHeld = this.#heldBytes > 0;
      this.#post();
      if (wasHeld && this.#heldBytes === 0) this.#handler?.drained();
      return;
    }
    if (message === END) this.#otherHasEnded = true;
    else if (ArrayBuffer.isView(message)) this.#inbound.push(message);
    else return this.#finish(new Error("the other thread has posted what is no part of a link"));
    this.#deliver();
  }

  #deliver(): void {
    // One that is closed without having been started drops what comes.
    if (!this.#handler && !this.#hasEnded) return;
    while (this.#inbound.size > 0 && !this.#isPaused && !this.#isClosed) {
      const bytes = this.#inbound.shift() as Uint8Array;
      this.#owedCredit += bytes.length;
      this.#handler?.data(bytes);
    }
    if (this.#isClosed) return;
    if (this.#owedCredit >= CREDIT_BYTES) {
      this.#port.postMessage(this.#owedCredit);
      this.#owedCredit = 0;
    }
    // All was read that the other side wrote: this side ends too, as sockets do.
    if (this.#otherHasEnded && this.#inbound.size === 0) this.#end();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#post();
  }

  #post(): void {
    if (this.#isClosed) return;
    while (this.#heldBytes > 0 && this.#unreadBytes < WINDOW_BYTES) {
      const piece = this.#nextPiece();
      this.#unreadBytes += piece.length;
      this.#port.postMessage(piece, [piece.buffer as ArrayBuffer]);
    }
    if (!this.#hasEnded || this.#heldBytes > 0) return;
    if (!this.#hasPostedEnd) this.#port.postMessage(END);
    this.#hasPostedEnd = true;
    if (this.#otherHasEnded && this.#inbound.size === 0) this.#finish();
  }

  /** A copy, to be given away: what is written may share its memory with other things. */
  #nextPiece(): Uint8Array {
    const piece = new Uint8Array(Math.min(this.#heldBytes, PIECE_BYTES));
    for (let at = 0; at < piece.length; ) {
      const first = this.#held.peek() as Uint8Array;
      const part = first.subarray(this.#postedOfFirst, this.#postedOfFirst + piece.length - at);
      piece.set(part, at);
      at += part.length;
      this.#postedOfFirst += part.length;
      if (this.#postedOfFirst < first.length) break;
      this.#held.shift();
      this.#postedOfFirst = 0;
    }
    this.#heldBytes -= piece.length;
    return piece;
  }

  #finish(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = error;
    clearTimeout(this.#linger);
    this.#held.clear();
    this.#heldBytes = 0;
    this.#inbound.clear();
    // What was posted before is read by the other side before it sees the close.
    this.#port.close();
    endOfTurn(this.#resolveClosed);
  }
}
