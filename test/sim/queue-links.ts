import { addressOf } from "../../src/transport/address.ts";
import type { Address, Link, LinkHandler } from "../../src/transport/transport.ts";
import type { SimulatedNetwork } from "./network.ts";

type Event = { readonly bytes: Uint8Array } | { readonly end: true; readonly error: Error | undefined };

/** One end of a link over the simulated network: what is written arrives when the seed says so. */
class SimulatedLink implements Link {
  readonly localAddress: Address = addressOf("simulated", 1);
  readonly remoteAddress: Address = addressOf("simulated", 2);
  readonly bufferedBytes = 0;
  readonly #send: (event: unknown) => void;
  readonly #whenClosed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #handler: LinkHandler | undefined;
  #isOver = false;

  constructor(send: (event: unknown) => void) {
    this.#send = send;
    this.#whenClosed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    for (const bytes of chunks) this.#send({ bytes });
  }

  pause(): void {}
  resume(): void {}

  close(): Promise<void> {
    this.#end(undefined);
    return this.#whenClosed;
  }

  /** This end is gone at once; the other hears of it when the seed says so, after what was written before. */
  abort(error?: Error): void {
    this.#end(error ?? new Error("aborted"));
  }

  receive(event: Event): void {
    if (this.#isOver) return;
    if ("bytes" in event) this.#handler?.data(event.bytes);
    else this.#over(event.error);
  }

  #end(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#send({ end: true, error });
    this.#over(error);
  }

  #over(error: Error | undefined): void {
    this.#isOver = true;
    this.#handler?.closed(error);
    this.#resolveClosed();
  }
}

let pairs = 0;

export function simulatedLinkPair(network: SimulatedNetwork): [Link, Link] {
  const name = `link-${++pairs}`;
  const ends: SimulatedLink[] = [];
  const toward = (index: number): ((event: unknown) => void) =>
    network.wire(`${name}/${index}`, (event) => ends[index]?.receive(event as Event));
  const near = new SimulatedLink(toward(1));
  const far = new SimulatedLink(toward(0));
  ends.push(near, far);
  return [near, far];
}
