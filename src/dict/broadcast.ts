import type { DictChangeOp } from "../protocol/dict-messages.ts";
import type { DictEntry, Rev, Store } from "../stores/store.ts";
import type { AuthorityMember } from "./authority-member.ts";
import { Backlog, type Downlink } from "./backlog.ts";
import { type ChangeRun, ChangeRuns, type RunOutcome } from "./change-runs.ts";

/** A replica at the other end of a link. */
export interface RemoteReplica {
  readonly member: AuthorityMember;
  readonly downlink: Downlink;
  /** While it does not keep up. */
  backlog: Backlog | undefined;
  /** It is being told: what is said for this asks to catch up first, and must not begin anew. */
  isCatchingUp: boolean;
}

/**
 * Tells remote replicas what has happened: once a turn, encoded once for all of them, to each origin its answers in
 * place of its own changes. One that does not keep up is told the newest values when it can take them.
 */
export class Broadcast {
  readonly #store: Store;
  /** The newest revision that has come here by `add`. */
  readonly #reached: () => Rev;
  readonly #schedule: () => void;
  readonly #remotes = new Set<RemoteReplica>();
  readonly #runs = new ChangeRuns();
  readonly #find = (key: string): DictEntry | undefined => this.#store.get(key);
  #isFlushing = false;

  /** @param schedule - sees to it that `flush` is called when the turn ends */
  constructor(store: Store, reached: () => Rev, schedule: () => void) {
    this.#store = store;
    this.#reached = reached;
    this.#schedule = schedule;
  }

  /** Tells a new replica the whole state. */
  join(member: AuthorityMember, downlink: Downlink): RemoteReplica {
    const remote: RemoteReplica = { member, downlink, backlog: new Backlog(true), isCatchingUp: false };
    this.flush();
    this.#remotes.add(remote);
    this.#tellBacklog(remote);
    return remote;
  }

  leave(remote: RemoteReplica): void {
    this.#remotes.delete(remote);
  }

  close(): void {
    this.#remotes.clear();
  }

  /** Operations of one origin that have been applied, or an answer to it alone: told when `flush` is called, or there is much. */
  add(
    origin: AuthorityMember | undefined,
    rev: Rev,
    answers: number,
    ops: readonly DictChangeOp[],
    outcome: RunOutcome | undefined,
  ): void {
    if (this.#remotes.size === 0) return;
    this.#runs.add(origin, rev, answers, ops, outcome, this.#isReadByOthers(origin));
    if (this.#runs.isFull) this.flush();
  }

  /** The store has lost its history: nobody can go on from what he has. */
  reset(): void {
    this.flush();
    for (const remote of this.#remotes) {
      remote.backlog ??= new Backlog(true);
      remote.backlog.addAll();
    }
  }

  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const runs = this.#runs.take();
    for (const remote of this.#remotes) {
      // Only for news: telling a backlog leads back here, and must not find another one.
      if (!remote.backlog && runs.length > 0 && remote.downlink.isSaturated)
        remote.backlog = new Backlog(false);
      for (const run of runs) this.#tell(remote, run);
      if (remote.backlog && !remote.downlink.isSaturated) this.#tellBacklog(remote);
    }
    this.#isFlushing = false;
  }

  /** Tells all what has been held back, and this one also what it could not take: something else is about to be said to it. */
  catchUp(remote: RemoteReplica): void {
    if (remote.isCatchingUp) return;
    this.flush();
    this.#tellBacklog(remote);
  }

  #isReadByOthers(origin: AuthorityMember | undefined): boolean {
    if (this.#remotes.size > 1) return true;
    for (const remote of this.#remotes) if (remote.member === origin) return false;
    return true;
  }

  #tell(remote: RemoteReplica, run: ChangeRun): void {
    const { member, downlink } = remote;
    if (!remote.backlog) {
      try {
        if (run.origin === member) answerTo(downlink, run.outcome ?? run.answers, run.rev);
        else if (run.operations > 0) {
          downlink.change(run.rev, run.operations, this.#runs.bytesOf(run), this.#runs.attachmentsOf(run));
        }
        return;
      } catch {
        // A message to it is half-written just now, or it is gone.
        remote.backlog = new Backlog(false);
        this.#schedule();
      }
    }
    remote.backlog.add(run, member, this.#find);
  }

  #tellBacklog(remote: RemoteReplica): void {
    const { backlog, downlink } = remote;
    // What the store holds may be newer than what it has told of, while it is telling: then this has to wait.
    if (!backlog || this.#store.rev !== this.#reached()) return;
    remote.backlog = undefined;
    remote.isCatchingUp = true;
    try {
      for (let answer = backlog.answers[0]; answer !== undefined; answer = backlog.answers[0]) {
        answerTo(downlink, answer, 0);
        backlog.answers.shift();
      }
      if (backlog.isWhole) downlink.reset(this.#reached(), this.#store.entries());
      else downlink.values(this.#reached(), backlog.values(this.#find));
    } catch {
      remote.backlog = backlog;
    }
    remote.isCatchingUp = false;
  }
}

function answerTo(downlink: Downlink, answer: number | RunOutcome, rev: Rev): void {
  if (typeof answer === "number") downlink.acknowledge(answer, rev);
  else if (answer.kind === "result") downlink.result(rev, answer.key, answer.value);
  else downlink.refuse(answer.code, answer.text);
}
