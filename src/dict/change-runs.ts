import { ByteWriter } from "../core/byte-writer.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import { type DictChangeOp, writeChangeOp } from "../protocol/dict-messages.ts";
import type { Rev } from "../stores/store.ts";
import type { AuthorityMember } from "./authority-member.ts";

/** A run is closed at this size, so that no message of it grows much longer. */
const FULL_BYTES = 48 * 1024;
const FULL_ATTACHED_BYTES = 1024 * 1024;

/** What its origin hears in place of a run that is more than writes taken as they were. */
export type RunOutcome =
  | { readonly kind: "result"; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: "refusal"; readonly code: ErrorCode; readonly text: string };

/** Operations of one origin with none of anybody else's between them. */
export interface ChangeRun {
  /** Undefined for changes that come from another server. */
  readonly origin: AuthorityMember | undefined;
  readonly outcome: RunOutcome | undefined;
  /** How many operations of the origin this answers. */
  answers: number;
  /** Of the newest operation in it. */
  rev: Rev;
  /** Atomic operations, encoded from `start` to `end`. */
  operations: number;
  readonly start: number;
  end: number;
  readonly firstAttachment: number;
  lastAttachment: number;
  readonly keys: string[];
  hasClear: boolean;
}

/** What is to be told, in order: encoded once, for all who read it. */
export class ChangeRuns {
  readonly #writer = new ByteWriter();
  #runs: ChangeRun[] = [];

  constructor() {
    this.#writer.attachments = [];
  }

  /** Whether so much has piled up that it should go before the turn ends. */
  get isFull(): boolean {
    return this.#writer.position >= 4 * FULL_BYTES || this.#writer.attachedBytes >= FULL_ATTACHED_BYTES;
  }

  /** @param isRead - false when nobody but the origin would read what has changed */
  add(
    origin: AuthorityMember | undefined,
    rev: Rev,
    answers: number,
    ops: readonly DictChangeOp[],
    outcome: RunOutcome | undefined,
    isRead: boolean,
  ): void {
    const run = this.#runFor(origin, outcome);
    run.rev = rev;
    run.answers += answers;
    if (ops.length === 0 || !isRead) return;
    const writer = this.#writer;
    run.operations++;
    writer.uint(ops.length);
    for (const op of ops) {
      writeChangeOp(writer, op);
      if (op.kind === "clear") run.hasClear = true;
      else run.keys.push(op.key);
    }
    run.end = writer.position;
    run.lastAttachment = this.#attachments.length;
  }

  /** All runs so far; they can be read until the next one is added. */
  take(): readonly ChangeRun[] {
    const runs = this.#runs;
    this.#runs = [];
    return runs;
  }

  bytesOf(run: ChangeRun): Uint8Array {
    return this.#writer.bytes.subarray(run.start, run.end);
  }

  attachmentsOf(run: ChangeRun): readonly Uint8Array[] {
    return this.#attachments.slice(run.firstAttachment, run.lastAttachment);
  }

  get #attachments(): Uint8Array[] {
    return this.#writer.attachments as Uint8Array[];
  }

  #runFor(origin: AuthorityMember | undefined, outcome: RunOutcome | undefined): ChangeRun {
    const writer = this.#writer;
    const last = this.#runs.at(-1);
    if (!last) writer.rollBack(0, 0);
    else if (last.origin === origin && !last.outcome && !outcome && writer.position - last.start < FULL_BYTES)
      return last;
    const start = writer.position;
    const firstAttachment = this.#attachments.length;
    const run: ChangeRun = {
      origin,
      outcome,
      answers: 0,
      rev: 0,
      operations: 0,
      start,
      end: start,
      firstAttachment,
      lastAttachment: firstAttachment,
      keys: [],
      hasClear: false,
    };
    this.#runs.push(run);
    return run;
  }
}
