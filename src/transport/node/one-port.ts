import type { Socket } from "node:net";
import { failure } from "../../core/errors.ts";
import { unmappedHost } from "../address.ts";
import type { FindKey } from "../link-key.ts";
import type { Link } from "../transport.ts";
import { type Speech, speechOf } from "./first-bytes.ts";
import { refuseHttp } from "./http-refusal.ts";
import { SocketLink } from "./socket-link.ts";
import { TlsAcceptor } from "./tls-psk.ts";
import {
  type OnRefused,
  tooLong,
  type WaitingLimits,
  type WaitingLink,
  WaitingLinks,
} from "./waiting-links.ts";

/** How long the attempts of a source on this machine are held back after many failures. */
const SUSPECT_DELAY_MS = 100;
/** The TLS alert "access denied": to a client with a key, where there are no keys. */
const TLS_REFUSAL = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 49);
const EXCERPT_BYTES = 24;
/** Callers over HTTP who are being told at once that this is the wrong place; more are not told. */
const MAX_HTTP_REFUSALS = 64;

export interface OnePortOptions {
  /** Undefined takes plain links, and no others. */
  readonly findKey: FindKey | undefined;
  readonly limits: WaitingLimits;
  onLink(link: Link): void;
  onRefused: OnRefused;
  /** Takes over a socket on which HTTP has begun, paused, with all its bytes unread. Default: 426, and closes it. */
  readonly onHttp?: ((socket: Socket) => void) | undefined;
  /** What a program is told that comes without a key where one is needed, in frames. */
  readonly plainRefusal?: Uint8Array | undefined;
}

/** Tells by the first bytes what each accepted socket speaks, and makes links of those that prove a key. */
export class OnePort {
  readonly #options: OnePortOptions;
  readonly #waiting: WaitingLinks;
  readonly #tls: TlsAcceptor | undefined;
  readonly #httpRefusals = new Set<Socket>();

  constructor(options: OnePortOptions) {
    const { findKey, limits } = options;
    this.#options = options;
    this.#waiting = new WaitingLinks(limits, options.onRefused);
    this.#tls = findKey && new TlsAcceptor(findKey, limits.maxHandshakeMs);
  }

  accept(socket: Socket): void {
    const host = unmappedHost(socket.remoteAddress ?? "");
    const waiting = this.#waiting.admit(socket, host, socket.remotePort ?? 0);
    if (!waiting) return;
    if (waiting.isSuspect) setTimeout(() => this.#listenTo(waiting), SUSPECT_DELAY_MS);
    else this.#listenTo(waiting);
  }

  /** Ends the links that have not proved their key, and what is being said over HTTP. */
  close(): void {
    this.#waiting.close();
    for (const socket of this.#httpRefusals) socket.destroy();
  }

  #listenTo(waiting: WaitingLink): void {
    const { socket } = waiting;
    let head: Buffer | undefined;
    const listener = (bytes: Buffer): void => {
      head = head ? Buffer.concat([head, bytes]) : bytes;
      const speech = speechOf(head, this.#options.limits.maxHandshakeBytes);
      if (!speech) return;
      socket.off("data", listener);
      // Stands still, with all its bytes, until its new owner reads on.
      socket.pause();
      this.#sortOut(waiting, speech, head);
    };
    socket.on("data", listener);
  }

  #sortOut(waiting: WaitingLink, speech: Speech, head: Buffer): void {
    const { socket, address } = waiting;
    if (speech === "rubbish") {
      const answer = JSON.stringify(head.toString("latin1", 0, EXCERPT_BYTES).replace(/[^\x20-\x7e]+/g, "."));
      return waiting.refuse(failure("CNR_ERR_NOT_CONNECTOR", { address, answer }));
    }
    if (speech === "tls" && head.length > this.#options.limits.maxHandshakeBytes)
      return waiting.refuse(tooLong(address));
    socket.unshift(head);
    if (speech === "tls") this.#prove(waiting);
    else if (speech === "plain") this.#takePlain(waiting);
    else {
      waiting.leave();
      if (this.#options.onHttp) this.#options.onHttp(socket);
      else this.#refuseHttp(socket);
    }
  }

  #refuseHttp(socket: Socket): void {
    if (this.#httpRefusals.size >= MAX_HTTP_REFUSALS) return void socket.destroy();
    this.#httpRefusals.add(socket);
    socket.once("close", () => this.#httpRefusals.delete(socket));
    refuseHttp(socket);
  }

  #prove(waiting: WaitingLink): void {
    const { socket, address } = waiting;
    if (!this.#tls) return waiting.refuse(failure("CNR_ERR_KEYLESS", { address }), TLS_REFUSAL);
    this.#tls.accept(socket, address, (outcome) => {
      if (outcome instanceof Error) return waiting.refuse(outcome);
      waiting.leave();
      this.#options.onLink(outcome);
    });
  }

  #takePlain(waiting: WaitingLink): void {
    const { socket, address } = waiting;
    if (this.#tls) return waiting.refuse(failure("CNR_ERR_KEYLESS", { address }), this.#options.plainRefusal);
    waiting.leave();
    this.#options.onLink(new SocketLink(socket));
  }
}
