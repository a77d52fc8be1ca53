import { onAbort } from "../core/abort.ts";
import { failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { greetServer } from "../session/greet-server.ts";
import type { HeartbeatOptions } from "../session/heartbeat.ts";
import type { Session } from "../session/session.ts";
import { SessionTicket } from "../session/session-ticket.ts";
import { type Destination, isSame } from "./destination.ts";

/** A server that took a link and then says nothing, or a dial that gets no answer, is asked anew after this. */
const ATTEMPT_TIMEOUT_MS = 10_000;

export interface ServerDialerOptions {
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
  #target: Destination | undefined;

  constructor(options: ServerDialerOptions) {
    this.#options = options;
  }

  /** Where the newest link was to lead. */
  get target(): Destination | undefined {
    return this.#target;
  }

  /**
   * Dials and greets. Resolves when there is a session over the link.
   *
   * @param session - the one to go on with; left out to begin one
   */
  async greet(target: Destination, session: Session | undefined, wait: WaitOptions): Promise<void> {
    // The name of a session that another server may know is none of this one's business.
    if (!isSame(this.#target, target)) this.#ticket.renew();
    this.#target = target;
    const link = await target.dial(wait);
    const { name, limits, heartbeat, onBegun } = this.#options;
    await greetServer(link, { ticket: this.#ticket, name, limits, heartbeat, session, onBegun }, wait);
  }

  /** The same to the newest target, for a limited time. */
  async greetAgain(session: Session | undefined, signal: AbortSignal): Promise<void> {
    const target = this.#target as Destination;
    const abort = new AbortController();
    const timer = setTimeout(
      () =>
        abort.abort(
          failure("CNR_ERR_CONNECT_TIMEOUT", { address: target.text, timeoutMs: ATTEMPT_TIMEOUT_MS }),
        ),
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
}
