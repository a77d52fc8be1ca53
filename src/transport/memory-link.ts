import { RingBuffer } from "../core/ring-buffer.ts";
import { endOfTurn } from "../core/turn.ts";
import { addressOf } from "./address.ts";
import { type Address, LINGER_MS, type Link, type LinkHandler } from "./transport.ts";

/** More than this unread, and `bufferedBytes` shows it: the back-pressure of a link without a network. */
const WINDOW_BYTES = 64 * 1024;

class MemoryLink implements Link {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly keyName: undefined;
  other: MemoryLink | undefined;
  readonly #inbound = new RingBuffer<Uint8Array>();
  #inboundBytes = 0;
  #handler: LinkHandler | undefined;
  #isPaused = false;
  #isScheduled = false;
  /** This side writes no more; the other side writes no more. */
  #hasEnded = false;
  #otherHasEnded = false;
  #isClosed = false;
  #reason: Error | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  readonly #whenClosed: Promise<void>;
  #resolveClosed: () => void = () => {};

  constructor(port: number) {
    this.localAddress = addressOf("memory", port);
    this.remoteAddress = addressOf("memory", 3 - port);
    this.#whenClosed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get bufferedBytes(): number {
    const waiting = this.other?.inboundBytes ?? 0;
    return waiting > WINDOW_BYTES ? waiting : 0;
  }

  get inboundBytes(): number {
    return this.#inboundBytes;
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
    void this.#whenClosed.then(() => handler.closed(this.#reason));
    this.#schedule();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.#isClosed && !this.#hasEnded) this.other?.take(chunks);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  close(): Promise<void> {
    if (!this.#isClosed && !this.#linger) this.#linger = setTimeout(() => this.abort(), LINGER_MS);
    // Paused, or never started, it would not see the other side's end.
    this.resume();
    this.#end();
    return this.#whenClosed;
  }

  abort(reason?: Error): void {
    const { other } = this;
    this.finish(reason);
    other?.finish(reason ?? new Error("the other side aborted"));
  }

  take(chunks: readonly Uint8Array[]): void {
    if (this.#isClosed) return;
    for (const chunk of chunks) {
      // Copied, as a network would: what the two sides hold must not be the same memory.
      this.#inbound.push(new Uint8Array(chunk));
      this.#inboundBytes += chunk.length;
    }
    this.#schedule();
  }

  takeEnd(): void {
    this.#otherHasEnded = true;
    this.#schedule();
  }

  finish(reason?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reason = reason;
    clearTimeout(this.#linger);
    this.#inbound.clear();
    this.#inboundBytes = 0;
    endOfTurn(this.#resolveClosed);
  }

  drained(): void {
    if (!this.#isClosed) this.#handler?.drained();
  }

  #end(): void {
    if (this.#hasEnded || this.#isClosed) return;
    this.#hasEnded = true;
    this.other?.takeEnd();
  }

  #schedule(): void {
    if (this.#isScheduled || !(this.#handler || this.#hasEnded)) return;
    this.#isScheduled = true;
    endOfTurn(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const wasFull = this.#inboundBytes > WINDOW_BYTES;
    while (this.#inbound.size > 0 && !this.#isPaused && !this.#isClosed) {
      const chunk = this.#inbound.shift() as Uint8Array;
      this.#inboundBytes -= chunk.length;
      this.#handler?.data(chunk);
    }
    if (wasFull && this.#inboundBytes <= WINDOW_BYTES) this.other?.drained();
    if (this.#inbound.size > 0 || !this.#otherHasEnded) return;
    // All was read that the other side wrote: this side ends too, as sockets do.
    this.#end();
    this.finish();
  }
}

/** Two ends of a link inside this process: what is written at one is read at the other, in a later step of the same turn. */
export function memoryLinkPair(): [Link, Link] {
  const a = new MemoryLink(1);
  const b = new MemoryLink(2);
  a.other = b;
  b.other = a;
  return [a, b];
}
