import type { Socket } from "node:net";
import { addressOf, unmappedHost } from "../address.ts";
import { type Address, LINGER_MS, type Link, type LinkHandler } from "../transport.ts";

/** The kernel asks a silent other side after so long; the session's heartbeat asks earlier. */
export const KEEP_ALIVE_MS = 10_000;

export interface SocketLinkOptions {
  readonly keyName?: string;
  /** For sockets that have no address of their own. */
  readonly localAddress?: Address;
  readonly remoteAddress?: Address;
}

/** A link over a socket of Node: TCP, TLS or Unix. */
export class SocketLink implements Link {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly keyName: string | undefined;
  readonly #socket: Socket;
  readonly #whenClosed: Promise<void>;
  #error: Error | undefined;

  constructor(socket: Socket, options: SocketLinkOptions = {}) {
    this.#socket = socket;
    this.localAddress =
      options.localAddress ?? socketAddress(socket.localAddress, socket.localPort, socket.localFamily);
    this.remoteAddress =
      options.remoteAddress ?? socketAddress(socket.remoteAddress, socket.remotePort, socket.remoteFamily);
    this.keyName = options.keyName;
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    this.#whenClosed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: LinkHandler): void {
    const socket = this.#socket;
    socket.on("data", (bytes: Buffer) =>
      handler.data(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)),
    );
    socket.on("drain", () => handler.drained());
    void this.#whenClosed.then(() => handler.closed(this.#error));
    // Whoever looked at its first bytes has paused it.
    socket.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (chunks.length === 1) {
      socket.write(chunks[0] as Uint8Array);
      return;
    }
    socket.cork();
    for (const chunk of chunks) socket.write(chunk);
    socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return;
    // A link that was never started is not read from, and would not see the other side's end.
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    await this.#whenClosed;
    clearTimeout(timer);
  }

  abort(reason?: Error): void {
    this.#error ??= reason;
    this.#socket.destroy();
  }
}

function socketAddress(given = "", port = 0, family?: string): Address {
  const host = unmappedHost(given);
  return addressOf(host, port, host === given ? family : "IPv4");
}
