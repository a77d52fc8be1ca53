import { onAbort } from "../core/abort.ts";
import { failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { greetServer } from "../session/greet-server.ts";
import type { HeartbeatOptions } from "../session/heartbeat.ts";
import type { Session } from "../session/session.ts";
import { SessionTicket } from "../session/session-ticket.ts";
import { addressOf, isLoopback, type Target } from "../transport/address.ts";
import type { Dialer, Link } from "../transport/transport.ts";

/** A server that took a link and then says nothing, or a dial that gets no answer, is asked anew after this. */
const ATTEMPT_TIMEOUT_MS = 10_000;

export interface ServerDialerOptions {
  readonly dialer: Dialer;
  readonly name: string;
  readonly limits: Readonly<Limits>;
  readonly heartbeat: HeartbeatOptions | undefined;
  /** Hears of each session that begins, before anything that the server sent in it is read. */
  readonly onBegun: (session: Session) => void;
}

/** Where all links of a client come from: the first, and those that take over. */
export class ServerDialer {
  readonly #options: ServerDialerOptions;
  readonly #ticket = new SessionTicket();
  #target: Target | undefined;

  constructor(options: ServerDialerOptions) {
    this.#options = options;
  }

  /** Where the newest link was to lead. */
  get target(): Target | undefined {
    return this.#target;
  }

  /**
   * Dials and greets. Resolves when there is a session over the link.
   *
   * @param session - the one to go on with; left out to begin one
   */
  async greet(target: Target, session: Session | undefined, wait: WaitOptions): Promise<void> {
    // The name of a session that another server may know is none of this one's business.
    if (!isSame(this.#target, target)) this.#ticket.renew();
    this.#target = target;
    const link = await this.#dial(target, wait);
    const { name, limits, heartbeat, onBegun } = this.#options;
    await greetServer(link, { ticket: this.#ticket, name, limits, heartbeat, session, onBegun }, wait);
  }

  /** The same to the newest target, for a limited time. */
  async greetAgain(session: Session | undefined, signal: AbortSignal): Promise<void> {
    const target = this.#target as Target;
    const address = addressOf(target.host, target.port).toString();
    const abort = new AbortController();
    const timer = setTimeout(
      () => abort.abort(failure("CNR_ERR_CONNECT_TIMEOUT", { address, timeoutMs: ATTEMPT_TIMEOUT_MS })),
      ATTEMPT_TIMEOUT_MS,
    );
    const stopListening = onAbort(signal, () => abort.abort(signal.reason));
    try {
      await this.greet(target, session, { signal: abort.signal });
    } finally {
      clearTimeout(timer);
      stopListening();
    }
  }

  async #dial({ host, port }: Target, wait: WaitOptions): Promise<Link> {
    // An address that is plainly not here is refused before a byte leaves; a name is judged by what it leads to.
    if (/^[\d.]+$|:/.test(host) && !isLoopback(host)) throw failure("CNR_ERR_LOOPBACK_ONLY", { host });
    const link = await this.#options.dialer.dial(host, port, wait);
    if (isLoopback(link.remoteAddress.host)) return link;
    link.abort();
    throw failure("CNR_ERR_LOOPBACK_ONLY", { host });
  }
}

export function isSame(a: Target | undefined, b: Target): boolean {
  return a?.host === b.host && a.port === b.port;
}
