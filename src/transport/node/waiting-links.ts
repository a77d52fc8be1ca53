import type { Socket } from "node:net";
import { type ConnectorError, failure } from "../../core/errors.ts";
import type { Limits } from "../../core/limits.ts";
import { hostAndPort, isLoopback } from "../address.ts";
import { sourceOf } from "../source.ts";
import { FailureCount } from "./failure-count.ts";
import { lostBeforeProof } from "./tls-failure.ts";

/** Time is counted in so many ticks of the longest handshake: a program that stood still blames nobody for it. */
const TICKS = 10;
/** A link that has waited so many ticks gives way to a new one where there is no room for both. */
const TICKS_BEFORE_YIELDING = 1;

export type WaitingLimits = Pick<
  Limits,
  | "maxPendingHandshakes"
  | "maxHandshakesPerAddress"
  | "maxHandshakeMs"
  | "maxHandshakeBytes"
  | "maxFailuresPerAddress"
>;

/** Hears why a stranger was turned away, and where it came from. */
export type OnRefused = (error: ConnectorError, address: string) => void;

/** A socket whose other side has proved nothing yet. */
export interface WaitingLink {
  readonly socket: Socket;
  /** `host:port` of the other side. */
  readonly address: string;
  /** Its address has failed so often that each attempt should be made to take its time. */
  readonly isSuspect: boolean;
  /** It has proved its key, or is no link at all: it is not counted from here on. */
  leave(): void;
  /**
   * Turns it away.
   *
   * @param lastWords - what it is told, in a form it can read
   */
  refuse(error: ConnectorError, lastWords?: Uint8Array): void;
}

/** Sockets from accept until their key is proved: so many, for so long, with so many bytes, and no more. */
export class WaitingLinks {
  readonly #limits: WaitingLimits;
  readonly #onRefused: OnRefused;
  /** In order of coming. */
  readonly #links = new Set<Waiting>();
  readonly #failures: FailureCount;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(limits: WaitingLimits, onRefused: OnRefused) {
    this.#limits = limits;
    this.#onRefused = onRefused;
    this.#failures = new FailureCount(limits.maxFailuresPerAddress);
  }

  get size(): number {
    return this.#links.size;
  }

  /** Takes in a socket; undefined, and it is destroyed, where there is no room for it. */
  admit(socket: Socket, host: string, port: number): WaitingLink | undefined {
    const source = sourceOf(host);
    // All programs of a machine share loopback: one that fails again and again must not lock the others out.
    const isLocal = isLoopback(source);
    const hasFailed = this.#failures.isOver(source);
    if ((hasFailed && !isLocal) || !this.#makeRoom(source, isLocal)) {
      socket.destroy();
      return undefined;
    }
    const link = new Waiting(socket, { source, isLocal, hasFailed }, hostAndPort(host, port), this);
    this.#links.add(link);
    this.#timer ??= setInterval(() => this.#tick(), Math.ceil(this.#limits.maxHandshakeMs / TICKS));
    return link;
  }

  /** Ends all that wait. */
  close(): void {
    for (const link of [...this.#links]) {
      link.leave();
      link.socket.destroy();
    }
  }

  left(link: Waiting): void {
    this.#links.delete(link);
    if (this.#links.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  refused(link: Waiting, error: ConnectorError): void {
    this.#failures.add(link.from.source);
    this.#onRefused(error, link.address);
  }

  /** It has gone by itself. Who said nothing has cost nothing, and is no news: a probe, perhaps. */
  lost(link: Waiting): void {
    if (link.socket.bytesRead === 0) return;
    // A handshake that is begun and left costs as much as one that fails; on this machine a program may have been ended.
    if (!link.from.isLocal) this.#failures.add(link.from.source);
    this.#onRefused(lostBeforeProof(), link.address);
  }

  #makeRoom(source: string, isLocal: boolean): boolean {
    const { maxPendingHandshakes, maxHandshakesPerAddress } = this.#limits;
    if (!isLocal) {
      const same = [...this.#links].filter((link) => link.from.source === source);
      if (same.length >= maxHandshakesPerAddress && !this.#yields(same[0])) return false;
    }
    if (this.#links.size < maxPendingHandshakes) return true;
    const [oldest] = this.#links;
    return this.#yields(oldest);
  }

  /** Silence must not keep others out, and a crowd that comes at once must not end one another. */
  #yields(oldest: Waiting | undefined): boolean {
    if (!oldest || oldest.ticks < TICKS_BEFORE_YIELDING) return false;
    oldest.refuse(failure("CNR_ERR_TOO_MANY", this.#tooMany()));
    return true;
  }

  #tooMany(): Readonly<Record<string, unknown>> {
    const { maxPendingHandshakes: max } = this.#limits;
    return { what: "links that have not proved their key", max, option: "maxPendingHandshakes" };
  }

  #tick(): void {
    const { maxHandshakeMs: timeoutMs, maxHandshakeBytes } = this.#limits;
    for (const link of this.#links) {
      if (++link.ticks > TICKS) {
        link.refuse(failure("CNR_ERR_TIMEOUT", { what: `the handshake with ${link.address}`, timeoutMs }));
      } else if (link.socket.bytesRead > maxHandshakeBytes) link.refuse(tooLong(link.address));
    }
  }
}

export function tooLong(address: string): ConnectorError {
  return failure("CNR_ERR_NOT_CONNECTOR", { address, answer: "with more than a handshake takes" });
}

/** Where a link comes from. */
interface Origin {
  readonly source: string;
  readonly isLocal: boolean;
  readonly hasFailed: boolean;
}

class Waiting implements WaitingLink {
  readonly socket: Socket;
  readonly from: Origin;
  readonly address: string;
  readonly #all: WaitingLinks;
  ticks = 0;
  #isOver = false;

  constructor(socket: Socket, from: Origin, address: string, all: WaitingLinks) {
    this.socket = socket;
    this.from = from;
    this.address = address;
    this.#all = all;
    socket.once("close", this.#onClose);
  }

  get isSuspect(): boolean {
    return this.from.hasFailed;
  }

  leave(): void {
    this.#isOver = true;
    // The socket lives on, and would keep all of this.
    this.socket.off("close", this.#onClose);
    this.#all.left(this);
  }

  refuse(error: ConnectorError, lastWords?: Uint8Array): void {
    if (this.#isOver) return;
    this.leave();
    const { socket } = this;
    if (lastWords && socket.writable) socket.end(lastWords, () => socket.destroy());
    else socket.destroy();
    this.#all.refused(this, error);
  }

  readonly #onClose = (): void => {
    if (this.#isOver) return;
    this.leave();
    this.#all.lost(this);
  };
}
