import { addressOf } from "../../src/transport/address.ts";
import type { Address, Link, LinkHandler } from "../../src/transport/transport.ts";

type Draw = (below: number) => number;

/** One end of a wire. What it writes waits until the simulation delivers it, in pieces of any size. */
export class WireEnd implements Link {
  readonly keyName = undefined;
  readonly localAddress: Address = addressOf("simulated", 1);
  readonly remoteAddress: Address = addressOf("simulated", 2);
  readonly bufferedBytes = 0;
  other: WireEnd | undefined;
  /** Whether it has heard of the end of the wire. */
  isClosed = false;
  /** Nothing that is written from now on arrives, nor does anybody tell. */
  isCut = false;
  #hasEnd = false;
  #toDeliver: Uint8Array[] = [];
  #handler: LinkHandler | undefined;

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.isClosed || this.isCut) return;
    for (const chunk of chunks) this.other?.take(chunk);
  }

  pause(): void {}
  resume(): void {}

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  abort(): void {
    this.#end();
  }

  take(chunk: Uint8Array): void {
    this.#toDeliver.push(new Uint8Array(chunk));
  }

  /** The other side has ended the wire: seen behind what it has written. */
  takeEnd(): void {
    this.#hasEnd = true;
  }

  get hasNews(): boolean {
    return !this.isClosed && (this.#toDeliver.length > 0 || this.#hasEnd);
  }

  /** Delivers some of what waits here. */
  deliver(draw: Draw): void {
    const chunk = this.#toDeliver.shift();
    if (!chunk) return this.hear();
    const length = draw(3) === 0 ? 1 + draw(chunk.length) : chunk.length;
    if (length < chunk.length) this.#toDeliver.unshift(chunk.subarray(length));
    this.#handler?.data(chunk.slice(0, length));
  }

  /** What was on the way to here is lost. */
  lose(): void {
    this.#toDeliver = [];
  }

  /** It hears that the wire has ended. */
  hear(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#handler?.closed(new Error("cut"));
  }

  #end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (!this.isCut) this.other?.takeEnd();
    this.#handler?.closed();
  }
}

/** A link between a client and a server that can be cut so that the two hear of it at different times. */
export class CutWire {
  readonly client: WireEnd = new WireEnd();
  readonly server: WireEnd = new WireEnd();

  constructor() {
    this.client.other = this.server;
    this.server.other = this.client;
  }

  /** Cuts it. The client hears of it now; the server later, and what was on the way to it may still come, late. */
  cut(draw: Draw): void {
    this.client.isCut = true;
    this.server.isCut = true;
    this.client.lose();
    if (draw(2) === 0) this.server.lose();
    if (draw(2) === 0) this.server.takeEnd();
    this.client.hear();
  }
}
