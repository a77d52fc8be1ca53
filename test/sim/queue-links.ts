import { addressOf } from "../../src/transport/address.ts";
import type { Address, Link, LinkHandler } from "../../src/transport/transport.ts";
import type { SimulatedNetwork } from "./network.ts";

type Event =
  | { readonly bytes: Uint8Array; readonly number: number }
  | { readonly end: true; readonly error: Error | undefined };

/** One end of a link over the simulated network: what is written arrives when the seed says so. */
class SimulatedLink implements Link {
  readonly localAddress: Address = addressOf("simulated", 1);
  readonly remoteAddress: Address = addressOf("simulated", 2);
  readonly keyName: undefined;
  readonly bufferedBytes = 0;
  readonly #send: (event: unknown) => void;
  readonly #draw: (below: number) => number;
  readonly #whenClosed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #handler: LinkHandler | undefined;
  #isOver = false;
  #sent = 0;
  #arrived = 0;
  /** Writes behind this one were lost on the way. */
  #lastToArrive = Number.POSITIVE_INFINITY;
  other: SimulatedLink | undefined;

  constructor(send: (event: unknown) => void, draw: (below: number) => number) {
    this.#send = send;
    this.#draw = draw;
    this.#whenClosed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    for (const bytes of chunks) this.#send({ bytes, number: ++this.#sent });
  }

  pause(): void {}
  resume(): void {}

  close(): Promise<void> {
    this.#end(undefined);
    return this.#whenClosed;
  }

  /** This end is gone at once, and some of what it wrote last is lost. The other end hears of it when the seed says so. */
  abort(error?: Error): void {
    if (this.#isOver) return;
    const { other } = this;
    if (other) other.lose(this.#sent, this.#draw);
    this.#end(error ?? new Error("aborted"));
  }

  lose(sent: number, draw: (below: number) => number): void {
    this.#lastToArrive = this.#arrived + draw(sent - this.#arrived + 1);
  }

  receive(event: Event): void {
    if (this.#isOver) return;
    if ("end" in event) this.#over(event.error);
    else if (event.number <= this.#lastToArrive) {
      this.#arrived = event.number;
      this.#handler?.data(event.bytes);
    }
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
  const draw = (below: number): number => network.random(below);
  const near = new SimulatedLink(toward(1), draw);
  const far = new SimulatedLink(toward(0), draw);
  near.other = far;
  far.other = near;
  ends.push(near, far);
  return [near, far];
}
