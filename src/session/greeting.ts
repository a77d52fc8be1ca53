import { ConnectorError, failure } from "../core/errors.ts";
import { Waiter, type WaitOptions } from "../core/waiting.ts";
import { FrameKind } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame-decoder.ts";
import { decodeBye, isOpeningOf } from "../protocol/handshake-messages.ts";
import type { Link, LinkHandler } from "../transport/transport.ts";
import type { AttachedLink } from "./attached-link.ts";

const EXCERPT_BYTES = 24;

/** What becomes of a link when a greeting has been read. */
export interface Begun {
  /** Takes over what the link brings. */
  readonly attached: AttachedLink;
  /** Called in the same step, before anything that came behind the greeting is read. */
  readonly onTaken: () => void;
}

/** Failures of a side that speaks Connector; all others look like a stranger's bytes. */
const NAMED: ReadonlySet<string> = new Set([
  "CNR_ERR_VERSION",
  "CNR_ERR_HANDSHAKE_REFUSED",
  "CNR_ERR_KEYLESS",
]);

/** One side's part in a handshake. */
export interface GreetingSide {
  /** The kind of frame that the other side opens with, and what it is called. */
  readonly expects: number;
  readonly name: string;
  /** Reads that frame; undefined when another one is to come. Throws where no session can begin or go on. */
  begin(payload: Uint8Array, decoder: FrameDecoder): Begun | undefined;
  /** The failure when the link has ended before: with nothing received, or with what is no greeting. */
  lost(cause: Error | undefined): ConnectorError;
}

/** Reads the first frame of a link, whoever is at its other end; then the link is its session's. */
export class Greeting implements LinkHandler {
  readonly #link: Link;
  readonly #side: GreetingSide;
  readonly #waiter: Waiter<void>;
  readonly #decoder = new FrameDecoder();
  #first: Uint8Array | undefined;
  #attached: AttachedLink | undefined;

  constructor(link: Link, side: GreetingSide, wait: WaitOptions) {
    this.#link = link;
    this.#side = side;
    this.#waiter = new Waiter<void>(`the handshake with ${link.remoteAddress}`, wait, () => this.#giveUp());
    const unexpected = (what: string): Error =>
      failure("CNR_ERR_PROTOCOL", { reason: `${what} before the ${side.name}` });
    this.#decoder.sink = {
      frame: (kind, _channel, bytes, start, end) => {
        if (kind === FrameKind.bye) this.#refused(bytes.subarray(start, end));
        if (kind !== side.expects) throw unexpected(`a frame of kind ${kind}`);
        const begun = side.begin(bytes.subarray(start, end), this.#decoder);
        if (!begun) return;
        this.#attached = begun.attached;
        // This object stays with the link; what it began with need not.
        this.#first = undefined;
        begun.attached.countReceived(bytes.length - end);
        this.#waiter.resolve();
        begun.onTaken();
      },
      raw: () => {
        throw unexpected("raw bytes");
      },
    };
  }

  /** Resolves when the session has begun; else the link is closed, and the wait rejects with the reason. */
  start(opening: Uint8Array | undefined): Promise<void> {
    this.#link.start(this);
    if (this.#waiter.settled) this.#giveUp();
    else if (opening) this.#link.write([opening]);
    return this.#waiter.promise;
  }

  data(bytes: Uint8Array): void {
    if (this.#attached) return this.#attached.data(bytes);
    this.#first ??= bytes.slice(0, EXCERPT_BYTES);
    try {
      this.#decoder.push(bytes);
    } catch (error) {
      this.#failed(error);
    }
  }

  drained(): void {
    this.#attached?.drained();
  }

  closed(error?: Error): void {
    if (this.#attached) return this.#attached.closed(error);
    this.#decoder.stop();
    const wasGreeted = !this.#first || isOpeningOf(this.#side.expects, this.#first);
    this.#waiter.reject(wasGreeted ? this.#side.lost(error) : this.#stranger(error));
  }

  /** Somebody who speaks Connector, but not to this side; what all others say before a greeting means nothing. */
  #refused(payload: Uint8Array): void {
    if (decodeBye(payload).code !== "CNR_ERR_KEYLESS") return;
    throw failure("CNR_ERR_KEYLESS", { address: this.#link.remoteAddress.toString() });
  }

  #failed(error: unknown): void {
    // What came behind a good greeting is the session's business already.
    if (this.#attached) return this.#attached.fail(error);
    this.#decoder.stop();
    const isNamed = ConnectorError.is(error) && NAMED.has(error.code);
    if (!this.#waiter.reject(isNamed ? error : this.#stranger(error))) return;
    // Another version has been told why; a stranger is not spoken to.
    if (isNamed && error.code === "CNR_ERR_VERSION") void this.#link.close();
    else this.#link.abort();
  }

  #giveUp(): void {
    this.#decoder.stop();
    this.#link.abort();
  }

  #stranger(cause: unknown): ConnectorError {
    const address = this.#link.remoteAddress.toString();
    return failure("CNR_ERR_NOT_CONNECTOR", { address, answer: excerpt(this.#first) }, cause);
  }
}

/** The start of what came, printable: an engineer knows HTTP or SSH when he sees it. */
function excerpt(bytes: Uint8Array = new Uint8Array(0)): string {
  return JSON.stringify(String.fromCharCode(...bytes).replace(/[^\x20-\x7e]+/g, "."));
}
