import { failure } from "../core/errors.ts";
import { toHex } from "../core/ids.ts";
import type { Limits } from "../core/limits.ts";
import { endOfTurn } from "../core/turn.ts";
import { Countdown } from "./countdown.ts";
import { ReplayBudget } from "./replay-budget.ts";
import type { Session } from "./session.ts";

interface Entry {
  readonly session: Session;
  /** The key that its client has proved to have. */
  readonly keyName: string;
  /** The newest HELLO that was answered. */
  attempt: number;
  countdown: Countdown | undefined;
}

/** The sessions of a server by their secret ids, also those that wait for a new link: for how long, and with how much. */
export class SessionTable {
  /** What all of them keep for replay. */
  readonly budget: ReplayBudget;
  readonly #limits: Readonly<Limits>;
  readonly #entries = new Map<string, Entry>();
  /** Those without a link, in the order in which they lost it. */
  readonly #absent = new Set<Entry>();

  constructor(limits: Readonly<Limits>) {
    this.#limits = limits;
    // Later: a session that ends while another one sends may send on that one itself.
    this.budget = new ReplayBudget(limits.maxServerReplayBytes, () => endOfTurn(() => this.#makeRoom()));
  }

  find(sessionId: Uint8Array): Entry | undefined {
    return this.#entries.get(toHex(sessionId));
  }

  add(sessionId: Uint8Array, keyName: string, attempt: number, session: Session): void {
    const id = toHex(sessionId);
    const entry: Entry = { session, keyName, attempt, countdown: undefined };
    this.#entries.set(id, entry);
    session.onAbsent((cause) => this.#wait(entry, cause));
    session.onResumed(() => this.#stopWaiting(entry));
    session.onEnd(() => {
      this.#stopWaiting(entry);
      this.#entries.delete(id);
    });
  }

  #wait(entry: Entry, cause: unknown): void {
    const { resumeWindowMs, maxAbsentClients } = this.#limits;
    this.#absent.add(entry);
    if (this.#absent.size > maxAbsentClients) this.#giveUpOldest("maxAbsentClients");
    entry.countdown = new Countdown(resumeWindowMs, () => {
      const reason = `the client did not come back within ${resumeWindowMs} ms`;
      entry.session.abort(failure("CNR_ERR_SESSION_LOST", { reason, restarted: false }, cause));
    });
  }

  #stopWaiting(entry: Entry): void {
    this.#absent.delete(entry);
    entry.countdown?.stop();
    entry.countdown = undefined;
  }

  #makeRoom(): void {
    while (this.budget.isFull && this.#absent.size > 0) this.#giveUpOldest("maxServerReplayBytes");
    if (this.budget.isFull) this.#dismissHoarders();
  }

  /** Whoever takes what it asks for and never says so would have the server keep all of it, and the others wait. */
  #dismissHoarders(): void {
    const { maxReplayBytes, maxUnsentBytes } = this.#limits;
    for (const { session } of this.#entries.values()) {
      const { hoardedBytes } = session;
      if (hoardedBytes <= maxReplayBytes + maxUnsentBytes) continue;
      const reason = `it has taken ${hoardedBytes} bytes and not acknowledged them: see limits.maxServerReplayBytes`;
      session.fail(failure("CNR_ERR_PROTOCOL", { reason }));
    }
  }

  #giveUpOldest(limit: keyof Limits): void {
    const [oldest] = this.#absent;
    const reason = `clients that are away left no room: see limits.${limit}`;
    oldest?.session.abort(failure("CNR_ERR_SESSION_LOST", { reason, restarted: false }));
  }
}
