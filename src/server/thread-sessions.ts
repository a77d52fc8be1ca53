import { failure } from "../core/errors.ts";
import type { Session } from "../session/session.ts";

/**
 * The sessions with clients at the other end of one port. They can come back over this port alone, so that once it has
 * ended, as it does with its thread, nobody waits for them.
 */
export class ThreadSessions {
  readonly #sessions = new Set<Session>();
  #canComeBack = true;

  add(session: Session): void {
    this.#sessions.add(session);
    session.onEnd(() => this.#sessions.delete(session));
    session.onAbsent((cause) => {
      if (!this.#canComeBack) giveUp(session, cause);
    });
  }

  /** From now on each ends when its link does; what the links still bring is read before. */
  endWithLinks(): void {
    this.#canComeBack = false;
    for (const session of [...this.#sessions]) if (session.isAbsent) giveUp(session);
  }
}

function giveUp(session: Session, ...cause: [cause?: unknown]): void {
  const reason = "the client's thread has ended, or nobody listens on its port any more";
  session.abort(failure("CNR_ERR_SESSION_LOST", { reason, restarted: false }, ...cause));
}
