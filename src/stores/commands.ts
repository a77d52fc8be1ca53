import type { CommitResult, DictOp } from "./store.ts";

/**
 * Everything that can happen to a store. The same list of commands, each with its time, gives the same state everywhere,
 * so these are stored and sent: their binary form is versioned (command-codec.ts).
 */
export type Command =
  | { readonly kind: "commit"; readonly ops: readonly DictOp[]; readonly origin: string }
  | {
      readonly kind: "put";
      readonly queue: string;
      readonly body: Uint8Array;
      readonly id: string | undefined;
      readonly delayMs: number;
      readonly priority: number;
    }
  | {
      readonly kind: "consume";
      /** Never used twice, over all servers that write to the same log and all their runs. */
      readonly consumer: number;
      readonly queue: string;
      readonly owner: string;
      /** How long the consumer's leases last; 0: until they are settled or their owner is released. */
      readonly leaseMs: number;
    }
  | { readonly kind: "demand"; readonly consumer: number; readonly credits: number }
  | { readonly kind: "withdraw"; readonly consumer: number; readonly credits: number }
  | { readonly kind: "closeConsumer"; readonly consumer: number }
  | { readonly kind: "ack"; readonly token: number }
  | { readonly kind: "nack"; readonly token: number; readonly delayMs: number }
  | {
      readonly kind: "move";
      readonly token: number;
      readonly queue: string;
      /** Undefined: the item keeps its body. */
      readonly body: Uint8Array | undefined;
    }
  | { readonly kind: "extend"; readonly token: number; readonly leaseMs: number }
  | { readonly kind: "release"; readonly owner: string }
  | { readonly kind: "purge"; readonly queue: string }
  | { readonly kind: "closeQueue"; readonly queue: string }
  /** Nothing but the time: lets delays, leases and remembered ids end. */
  | { readonly kind: "tick" };

export type CommandKind = Command["kind"];
export type CommandOf<K extends CommandKind> = Extract<Command, { readonly kind: K }>;

/** What applying a command answers. */
export interface CommandResults {
  readonly commit: CommitResult;
  readonly put: "stored" | "duplicate" | "closed";
  readonly consume: undefined;
  readonly demand: undefined;
  readonly withdraw: number;
  readonly closeConsumer: undefined;
  readonly ack: boolean;
  readonly nack: boolean;
  readonly move: "moved" | "stale" | "closed";
  readonly extend: boolean;
  readonly release: undefined;
  readonly purge: number;
  readonly closeQueue: undefined;
  readonly tick: undefined;
}

/** Longer waits are no different from this one (about 2,000 years), and sums of them stay exact. */
const LONGEST_MS = 2 ** 46;

/** Whole milliseconds for a command's `delayMs`. */
export function delayOf(delayMs: number | undefined): number {
  return delayMs !== undefined && delayMs > 0 ? Math.min(Math.ceil(delayMs), LONGEST_MS) : 0;
}

/** Whole milliseconds for a command's `leaseMs`, where 0 stands for a lease without end. */
export function leaseOf(leaseMs: number): number {
  return leaseMs === Number.POSITIVE_INFINITY ? 0 : Math.max(delayOf(leaseMs), 1);
}

/** A whole number for a command's `credits`. Throws a `RangeError` for what is no number of credits. */
export function creditsOf(credits: number): number {
  if (credits === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
  if (!Number.isSafeInteger(credits) || credits < 0)
    throw new RangeError(`not a number of credits: ${String(credits)}`);
  return credits;
}

/** An integer for a command's `priority`. Throws a `RangeError` for anything else. */
export function priorityOf(priority: number | undefined): number {
  if (priority === undefined) return 0;
  if (!Number.isSafeInteger(priority)) {
    throw new RangeError(`priority must be an integer, got ${String(priority)}`);
  }
  return priority + 0; // -0 becomes 0
}
