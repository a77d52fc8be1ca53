import type { WaitOptions } from "../core/waiting.ts";

/** Where a link leads: `host:port` as text. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly family: "IPv4" | "IPv6";
  toString(): string;
}

/** How long an orderly end waits for the other side to take what was sent. */
export const LINGER_MS = 2000;

export interface LinkHandler {
  /** The bytes are the handler's; a plain Uint8Array, no Buffer, whose `slice()` would copy nothing. */
  data(bytes: Uint8Array): void;
  /** All that had to wait has been handed over: `bufferedBytes` is 0 again. */
  drained(): void;
  /** Called once, last; with the reason when it was not an orderly end. */
  closed(error?: Error): void;
}

/**
 * An ordered stream of bytes in both directions between two programs.
 * Every transport passes test/conformance/link-suite.ts.
 */
export interface Link {
  /** Links without ports have the number of the link in place of the client's: above all ports, and its own for each. */
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /**
   * Which key the other side has proved that it has: the server's name for it, and on the client's side its id.
   * Undefined on links without a key. What such a link may do is for its owner to decide.
   */
  readonly keyName: string | undefined;
  /** Bytes taken by `write` that the other side's machine has not been given yet. */
  readonly bufferedBytes: number;
  /** Nothing is read before; called once. */
  start(handler: LinkHandler): void;
  /** Sends the chunks in order, in one system call where the platform can. They must not change afterwards. */
  write(chunks: readonly Uint8Array[]): void;
  /** Stops and starts reading: the other side's writes then wait. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then ends; resolves when both directions are closed. A peer that stands still is cut off. */
  close(): Promise<void>;
  /** Ends at once, dropping what was not sent. */
  abort(reason?: Error): void;
}

export interface Dialer {
  /** Rejects with a `ConnectionError`: nobody listens, host unknown, unreachable; or as `options` say. */
  dial(host: string, port: number, options?: WaitOptions): Promise<Link>;
}

export interface Listener {
  readonly address: Address;
  /** Stops accepting; links that were accepted live on. */
  close(): Promise<void>;
}
