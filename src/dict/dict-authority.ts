import { holdsFunction } from "../codec/function-free.ts";
import { ValueEncoder } from "../codec/value-encoder.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import { ConnectorError } from "../core/errors.ts";
import { randomBytes, toHex } from "../core/ids.ts";
import type { Limits } from "../core/limits.ts";
import { RingBuffer } from "../core/ring-buffer.ts";
import { endOfTurn } from "../core/turn.ts";
import type { DictChangeOp, DictWrite, PlainDictOp } from "../protocol/dict-messages.ts";
import type { Awaitable, CommitResult, Cursor, DictEntry, DictOp, Rev, Store } from "../stores/store.ts";
import { AuthorityMember } from "./authority-member.ts";
import type { Downlink } from "./backlog.ts";
import { Broadcast } from "./broadcast.ts";
import type { RunOutcome } from "./change-runs.ts";
import { evaluate } from "./conditional-write.ts";
import type { DictReplica } from "./dict-replica.ts";

/** A replica's place at its authority. */
export interface Membership extends Disposable {
  /** Takes the replica's next operation. */
  write(write: DictWrite): void;
  /** Tells all replicas what has been held back, and this one all of it: something else is about to be said to it. */
  catchUp(): void;
}

const NOTHING: readonly DictOp[] = [];

/**
 * Orders the writes of any number of replicas through a store, and tells each of them what has become of its own and
 * what others have changed. It reads no values: to it they are bytes.
 */
export class DictAuthority {
  readonly #store: Store;
  readonly #maxValueBytes: number;
  readonly #maxDepth: number;
  readonly #encoder: ValueEncoder;
  readonly #id: string = toHex(randomBytes(8));
  readonly #members = new Map<string, AuthorityMember>();
  readonly #directs = new Map<AuthorityMember, DictReplica>();
  readonly #broadcast: Broadcast;
  readonly #subscription: Disposable;
  readonly #tellAtEndOfTurn = (): void => {
    this.#isScheduled = false;
    this.#broadcast.flush();
    this.#tellDirects();
  };
  #joined = 0;
  #closed: ConnectorError | undefined;
  /** Of the newest change that the store has told of. */
  #rev: Rev = 0;
  #isScheduled = false;

  /** @param store - opened already */
  constructor(store: Store, limits: Readonly<Limits>) {
    const { maxDepth, maxValueBytes } = limits;
    this.#store = store;
    this.#maxValueBytes = maxValueBytes;
    this.#maxDepth = maxDepth;
    this.#encoder = new ValueEncoder({ maxDepth, maxValueBytes, shapes: false });
    this.#broadcast = new Broadcast(
      store,
      () => this.#rev,
      () => this.#schedule(),
    );
    this.#subscription = store.subscribe(undefined, {
      reset: (entries, at) => this.#reset(entries, at),
      change: (rev, ops, origin) => this.#changed(rev, ops, origin),
    });
  }

  /**
   * Brings in a replica at the other end of a link: it is told the whole state, then each change.
   *
   * @param mayBringCode - false: what it writes with a function in it is refused
   */
  join(downlink: Downlink, mayBringCode = true): Membership {
    const member = this.#newMember(mayBringCode);
    const remote = this.#broadcast.join(member, downlink);
    return {
      write: (write) => this.#receive(member, write),
      catchUp: () => this.#broadcast.catchUp(remote),
      [Symbol.dispose]: () => {
        this.#broadcast.leave(remote);
        this.#members.delete(member.origin);
      },
    };
  }

  /** Brings in a replica of this process: it sees each change in the step in which it happens, until the authority is closed. */
  joinReplica(replica: DictReplica): void {
    const member = this.#newMember(true);
    replica.attach({
      encoder: this.#encoder,
      maxValueBytes: this.#maxValueBytes,
      stored: (key) => this.#store.get(key)?.value,
      write: (write) => this.#receive(member, write),
    });
    if (this.#closed) {
      replica.detach(this.#closed);
      return;
    }
    this.#directs.set(member, replica);
    replica.reset(this.#store.rev, valuesOf(this.#store.entries()));
    replica.tell();
  }

  /** Nothing is told any more, and the replicas of this process are detached for this reason. */
  close(reason: ConnectorError): void {
    this.#closed ??= reason;
    this.#subscription[Symbol.dispose]();
    const directs = [...this.#directs.values()];
    this.#directs.clear();
    this.#broadcast.close();
    this.#members.clear();
    for (const replica of directs) replica.detach(reason);
  }

  #newMember(mayBringCode: boolean): AuthorityMember {
    const member = new AuthorityMember(`${this.#id}.${++this.#joined}`, mayBringCode);
    this.#members.set(member.origin, member);
    return member;
  }

  // ---- writes, in the order in which each replica has made them ----

  #receive(member: AuthorityMember, write: DictWrite): void {
    if (member.waiting) {
      member.waiting.push(write);
      return;
    }
    const committed = this.#perform(member, write, 1);
    if (committed) {
      member.waiting = new RingBuffer();
      void this.#performWaiting(member, member.waiting, committed);
    }
    this.#tellDirects();
  }

  /** The store takes its time: what comes meanwhile waits, and plain writes go into one commit. */
  async #performWaiting(
    member: AuthorityMember,
    line: RingBuffer<DictWrite>,
    first: Promise<void>,
  ): Promise<void> {
    await first;
    for (let write = line.shift(); write; write = line.shift()) {
      const ops = plainOps(write);
      // What may have to be refused is looked at one by one.
      if (!ops || !member.mayBringCode) {
        await this.#perform(member, write, 1);
        continue;
      }
      const changes = [...ops];
      let count = 1;
      for (let more = nextPlainOps(line); more; more = nextPlainOps(line)) {
        changes.push(...more);
        line.shift();
        count++;
      }
      await this.#perform(member, { kind: "update", changes }, count);
    }
    member.waiting = undefined;
  }

  /** @returns when the store has answered, where it does not at once */
  #perform(member: AuthorityMember, write: DictWrite, count: number): Promise<void> | undefined {
    try {
      if (write.kind === "barrier") return this.#barrier(member);
      const ops = this.#opsOf(member, write);
      if (typeof ops === "string") return this.#refuse(member, ops, "");
      if (!member.mayBringCode && this.#bringCode(ops)) {
        return this.#refuse(member, "CNR_ERR_NOT_ALLOWED", "code");
      }
      member.committing = write;
      member.committingCount = count;
      return this.#settle(this.#store.commit(ops, member.origin), member, write, count);
    } catch (error) {
      return this.#fail(member, count, error);
    }
  }

  #opsOf(
    member: AuthorityMember,
    write: Exclude<DictWrite, { readonly kind: "barrier" }>,
  ): readonly DictOp[] | ErrorCode {
    const ops = plainOps(write);
    if (ops) return ops;
    const conditional = write as Parameters<typeof evaluate>[0];
    const op = evaluate(conditional, this.#store.get(conditional.key), member, this.#maxValueBytes);
    return typeof op === "string" ? op : [op];
  }

  #bringCode(ops: readonly DictOp[]): boolean {
    return ops.some((op) => op.kind === "set" && holdsFunction(op.value, this.#maxDepth));
  }

  #settle(
    answer: Awaitable<CommitResult>,
    member: AuthorityMember,
    write: DictWrite,
    count: number,
  ): Promise<void> | undefined {
    if (answer instanceof Promise) {
      return answer.then(
        (result) => this.#settle(result, member, write, count),
        (error: unknown) => this.#fail(member, count, error),
      );
    }
    // The store has told of the commit by now. Where its condition failed, somebody was faster: it is looked at anew.
    return answer.ok ? undefined : this.#perform(member, write, count);
  }

  #barrier(member: AuthorityMember): Promise<void> | undefined {
    const reached = this.#store.barrier();
    if (reached instanceof Promise) {
      return reached.then(
        () => this.#acknowledgeBarrier(member),
        (error: unknown) => this.#fail(member, 1, error),
      );
    }
    return this.#acknowledgeBarrier(member);
  }

  #acknowledgeBarrier(member: AuthorityMember): undefined {
    this.#answer(member, 1, undefined, NOTHING, undefined);
  }

  #refuse(member: AuthorityMember, code: ErrorCode, text: string): undefined {
    this.#answer(member, 1, undefined, NOTHING, { kind: "refusal", code, text });
  }

  #fail(member: AuthorityMember, count: number, error: unknown): undefined {
    const code = ConnectorError.is(error) ? error.code : "CNR_ERR_REMOTE";
    const text = error instanceof Error ? error.message : String(error);
    for (let left = count; left > 0; left--) this.#refuse(member, code, text);
  }

  // ---- changes, in the order of the store ----

  #reset(entries: Iterable<readonly [key: string, entry: DictEntry]>, at: Cursor): void {
    this.#rev = at.rev;
    for (const replica of this.#directs.values()) replica.reset(at.rev, valuesOf(entries));
    this.#broadcast.reset();
    this.#schedule();
  }

  #changed(rev: Rev, ops: readonly DictOp[], origin: string): void {
    this.#rev = rev;
    const member = this.#members.get(origin);
    const write = member?.committing;
    const outcome = write?.kind === "increment" ? resultOf(ops) : undefined;
    for (const [other, replica] of this.#directs) {
      if (other === member) continue;
      replica.change(ops);
      replica.reached(rev);
    }
    const changes: readonly DictChangeOp[] = write?.kind === "patch" ? [write] : ops;
    if (member) this.#answer(member, member.committingCount, rev, changes, outcome);
    else this.#broadcast.add(undefined, rev, 0, changes, undefined);
    this.#schedule();
  }

  #answer(
    member: AuthorityMember,
    count: number,
    rev: Rev | undefined,
    ops: readonly DictChangeOp[],
    outcome: RunOutcome | undefined,
  ): void {
    for (let left = count; left > 0; left--) member.answer(outcome ? undefined : rev);
    this.#broadcast.add(member, rev ?? this.#rev, count, ops, outcome);
    this.#schedule();
    const replica = this.#directs.get(member);
    if (!replica) return;
    if (outcome?.kind === "refusal") replica.refuse(outcome.code, outcome.text);
    else if (outcome) replica.result(outcome.key, outcome.value);
    else replica.acknowledge(count);
    replica.reached(this.#rev);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    endOfTurn(this.#tellAtEndOfTurn);
  }

  #tellDirects(): void {
    for (const replica of this.#directs.values()) replica.tell();
  }
}

function resultOf([op]: readonly DictOp[]): RunOutcome | undefined {
  return op?.kind === "set" ? { kind: "result", key: op.key, value: op.value } : undefined;
}

/** The operations of a write that depends on nothing. */
function plainOps(write: DictWrite): readonly PlainDictOp[] | undefined {
  if (write.kind === "set" || write.kind === "delete" || write.kind === "clear") return [write];
  return write.kind === "update" ? write.changes : undefined;
}

function nextPlainOps(line: RingBuffer<DictWrite>): readonly PlainDictOp[] | undefined {
  const next = line.peek();
  return next && plainOps(next);
}

function* valuesOf(
  entries: Iterable<readonly [key: string, entry: DictEntry]>,
): Generator<[key: string, bytes: Uint8Array]> {
  for (const [key, entry] of entries) yield [key, entry.value];
}
