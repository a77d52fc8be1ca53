import { memoryLinkPair } from "../../../src/transport/memory-link.ts";
import type { Address, Link, LinkHandler } from "../../../src/transport/transport.ts";

/** One end of a link that can be made to stand still, in either direction. */
export class PausableLink implements Link {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly keyName: undefined;
  readonly #link: Link;
  #handler: LinkHandler | undefined;
  #held: Uint8Array[] | undefined;
  /** What is written here goes nowhere. */
  isMute = false;
  other: PausableLink | undefined;

  constructor(link: Link) {
    this.#link = link;
    this.localAddress = link.localAddress;
    this.remoteAddress = link.remoteAddress;
  }

  get heldBytes(): number {
    return this.#held?.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes + (this.other?.heldBytes ?? 0);
  }

  /** Reads nothing more: what the other side writes waits there. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) this.#handler?.data(chunk);
    this.other?.drain();
  }

  drain(): void {
    this.#handler?.drained();
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
    this.#link.start({
      data: (bytes) => {
        if (this.#held) this.#held.push(bytes);
        else handler.data(bytes);
      },
      drained: () => handler.drained(),
      closed: (error) => handler.closed(error),
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.isMute) this.#link.write(chunks);
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  abort(reason?: Error): void {
    this.#link.abort(reason);
  }
}

export function pausableLinkPair(): [PausableLink, PausableLink] {
  const [a, b] = memoryLinkPair();
  const near = new PausableLink(a);
  const far = new PausableLink(b);
  near.other = far;
  far.other = near;
  return [near, far];
}
