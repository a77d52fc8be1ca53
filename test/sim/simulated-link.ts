import { addressOf } from "../../src/transport/address.ts";
import type { Address, Link, LinkHandler } from "../../src/transport/transport.ts";
import type { SimulatedNetwork } from "./network.ts";

/** One end of a link whose bytes arrive when the network says so. */
export class SimulatedLink implements Link {
  readonly localAddress: Address = addressOf("simulated", 1);
  readonly remoteAddress: Address = addressOf("simulated", 2);
  readonly keyName: undefined;
  bufferedBytes = 0;
  readonly #wire: (message: unknown) => void;
  #other: SimulatedLink | undefined;
  #handler: LinkHandler | undefined;
  #inbound: Uint8Array[] = [];
  #isPaused = false;
  #isCut = false;

  private constructor(network: SimulatedNetwork, to: string) {
    this.#wire = network.wire(to, (message) => this.#arrived(message as Uint8Array));
  }

  static pair(network: SimulatedNetwork): [SimulatedLink, SimulatedLink] {
    const a = new SimulatedLink(network, "b");
    const b = new SimulatedLink(network, "a");
    a.#other = b;
    b.#other = a;
    return [a, b];
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#isCut) return;
    const bytes = new Uint8Array(Buffer.concat(chunks));
    this.bufferedBytes += bytes.length;
    this.#wire(bytes);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const other = this.#other;
    if (other) other.#deliver();
  }

  close(): Promise<void> {
    this.abort();
    return Promise.resolve();
  }

  /** What is on the way is lost, and both ends hear of it at once. */
  abort(reason?: Error): void {
    const other = this.#other;
    this.#cut(reason);
    if (other) other.#cut(reason);
  }

  #cut(reason: Error | undefined): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#inbound = [];
    this.#handler?.closed(reason ?? new Error("cut"));
  }

  #arrived(bytes: Uint8Array): void {
    this.#inbound.push(bytes);
    this.#deliver();
  }

  #deliver(): void {
    const other = this.#other;
    if (!other || other.#isPaused) return;
    for (let bytes = this.#inbound.shift(); bytes && !this.#isCut; bytes = this.#inbound.shift()) {
      this.bufferedBytes -= bytes.length;
      other.#handler?.data(bytes);
      if (this.bufferedBytes === 0 && !this.#isCut) this.#handler?.drained();
      if (other.#isPaused) return;
    }
  }
}
