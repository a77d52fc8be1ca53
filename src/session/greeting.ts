import { ConnectorError, failure } from "../core/errors.ts";
import { Waiter, type WaitOptions } from "../core/waiting.ts";
import { FrameDecoder } from "../protocol/frame-decoder.ts";
import type { Link, LinkHandler } from "../transport/transport.ts";
import type { Session } from "./session.ts";

const EXCERPT_BYTES = 24;

/** One side's part in a handshake. */
export interface GreetingSide {
  /** The kind of frame that the other side opens with, and what it is called. */
  readonly expects: number;
  readonly name: string;
  /** Reads that frame and gives the session that begins with it; throws where there can be none. */
  begin(payload: Uint8Array, decoder: FrameDecoder): Session;
  /** Called in the same step, before anything that came behind that frame is read. */
  begun(session: Session): void;
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
  #session: Session | undefined;

  constructor(link: Link, side: GreetingSide, wait: WaitOptions) {
    this.#link = link;
    this.#side = side;
    this.#waiter = new Waiter<void>(`the handshake with ${link.remoteAddress}`, wait, () => this.#giveUp());
    const unexpected = (what: string): Error =>
      failure("CNR_ERR_PROTOCOL", { reason: `${what} before the ${side.name}` });
    this.#decoder.sink = {
      frame: (kind, _channel, bytes, start, end) => {
        if (kind !== side.expects) throw unexpected(`a frame of kind ${kind}`);
        const session = side.begin(bytes.subarray(start, end), this.#decoder);
        this.#session = session;
        this.#waiter.resolve();
        side.begun(session);
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
    if (this.#session) return this.#session.data(bytes);
    this.#first ??= bytes.slice(0, EXCERPT_BYTES);
    try {
      this.#decoder.push(bytes);
    } catch (error) {
      this.#failed(error);
    }
  }

  drained(): void {
    this.#session?.drained();
  }

  closed(error?: Error): void {
    if (this.#session) return this.#session.closed(error);
    this.#decoder.stop();
    this.#waiter.reject(this.#first ? this.#stranger(error) : this.#side.lost(error));
  }

  #failed(error: unknown): void {
    // What came behind a good greeting is the session's business already.
    if (this.#session) return this.#session.fail(error);
    this.#decoder.stop();
    const isVersion = ConnectorError.is(error) && error.code === "CNR_ERR_VERSION";
    if (!this.#waiter.reject(isVersion ? error : this.#stranger(error))) return;
    // Another version has been told why; a stranger is not spoken to.
    if (isVersion) void this.#link.close();
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
