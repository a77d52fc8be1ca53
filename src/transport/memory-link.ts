import { endOfTurn } from "../core/turn.ts";
import { addressOf } from "./address.ts";
import type { Address, Link, LinkHandler } from "./transport.ts";

/** More than this unread, and `bufferedBytes` shows it: the back-pressure of a link without a network. */
const WINDOW_BYTES = 64 * 1024;

class MemoryLink implements Link {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  other: MemoryLink | undefined;
  #handler: LinkHandler | undefined;
  #inbound: Uint8Array[] = [];
  #inboundBytes = 0;
  #isPaused = false;
  #isScheduled = false;
  #hasEnded = false;
  #onEmpty: (() => void) | undefined;
  #isClosed = false;
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
    if (!this.#hasEnded && !this.#isClosed) {
      this.#hasEnded = true;
      this.other?.takeEnd();
    }
    return this.#whenClosed;
  }

  abort(reason?: Error): void {
    const { other } = this;
    this.finish(reason);
    other?.finish(reason ?? new Error("the other side aborted"));
  }

  take(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#inbound.push(chunk);
      this.#inboundBytes += chunk.length;
    }
    this.#schedule();
  }

  takeEnd(): void {
    endOfTurn(() => {
      if (this.#inbound.length > 0) {
        this.#onEmpty = (): void => this.takeEnd();
        return this.#schedule();
      }
      const { other } = this;
      this.finish();
      other?.finish();
    });
  }

  finish(reason?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inbound = [];
    this.#inboundBytes = 0;
    endOfTurn(() => {
      this.#handler?.closed(reason);
      this.#resolveClosed();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#handler) return;
    this.#isScheduled = true;
    endOfTurn(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const wasFull = this.#inboundBytes > WINDOW_BYTES;
    while (this.#inbound.length > 0 && !this.#isPaused && !this.#isClosed) {
      const chunk = this.#inbound.shift() as Uint8Array;
      this.#inboundBytes -= chunk.length;
      this.#handler?.data(chunk);
    }
    if (wasFull && this.#inboundBytes <= WINDOW_BYTES) this.other?.drained();
    if (this.#inbound.length === 0 && this.#onEmpty) {
      const then = this.#onEmpty;
      this.#onEmpty = undefined;
      then();
    }
  }

  drained(): void {
    if (!this.#isClosed) this.#handler?.drained();
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
