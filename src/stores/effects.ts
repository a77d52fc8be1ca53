import type { Delivery, DictOp, Rev } from "./store.ts";

/**
 * What applying commands leads to, in order. The state may be half-way when these are called, so a receiver
 * only notes them, and acts when the command has been applied.
 */
export interface Effects {
  changed(rev: Rev, ops: readonly DictOp[], origin: string): void;
  delivered(consumer: number, delivery: Delivery): void;
  /** No item will come to this consumer any more. */
  ended(consumer: number): void;
}
