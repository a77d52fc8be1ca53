import { Deferred } from "../core/deferred.ts";
import { RingBuffer } from "../core/ring-buffer.ts";
import type { DictValue } from "./dict-value.ts";

/** What one operation makes of one key. */
export interface Effect {
  readonly key: string;
  readonly value: DictValue;
}

/** An operation of this side that the server has not answered yet. */
export interface PendingOperation {
  readonly effects: readonly Effect[];
  /** Everything there was before is gone. */
  readonly isClear: boolean;
  /** The place of the operation that has to be taken for this one to be; 0: none. */
  readonly dependsOn: number;
  /** Who waits for the outcome; nobody for a plain assignment. */
  readonly outcome: Deferred<unknown> | undefined;
  /** Who waits until this one, and so all before it, has been answered. */
  answered: Deferred<void> | undefined;
}

interface Placed {
  readonly operation: PendingOperation;
  readonly place: number;
  /** What it depends on was refused, so it will be, too. */
  isLost: boolean;
}

/**
 * The operations of one side that are on the way, apart from the server's state, and what they make of it: for each
 * key what the newest of them has written, and whether they hide all that the server has.
 */
export class PendingOperations {
  readonly #line = new RingBuffer<Placed>();
  readonly #overlay = new Map<string, DictValue>();
  #newest: PendingOperation | undefined;
  #clears = 0;
  #issued = 0;

  get size(): number {
    return this.#line.size;
  }

  /** The place that the next operation will have. */
  get nextPlace(): number {
    return this.#issued + 1;
  }

  /** Whether the server's state is hidden by a clear that is on the way. */
  get hidesAll(): boolean {
    return this.#clears > 0;
  }

  /** What this side has made of the keys that it has written to. */
  get overlay(): ReadonlyMap<string, DictValue> {
    return this.#overlay;
  }

  hides(key: string): boolean {
    return this.#clears > 0 || this.#overlay.has(key);
  }

  add(operation: PendingOperation): void {
    this.#issued++;
    for (const { value } of operation.effects) value.place = this.#issued;
    this.#line.push({ operation, place: this.#issued, isLost: false });
    this.#newest = operation;
    this.#show(operation);
  }

  /** The oldest operation has been applied by the server: its effects are the server's state now. */
  settleOldest(): PendingOperation | undefined {
    const operation = this.#line.shift()?.operation;
    if (!operation) return undefined;
    if (operation.isClear) this.#clears--;
    for (const { key, value } of operation.effects) {
      if (this.#overlay.get(key) === value) this.#overlay.delete(key);
      value.place = 0;
    }
    return operation;
  }

  /** The oldest operation has been refused: the view is what those that do not depend on it make of the server's state. */
  dropOldest(): PendingOperation | undefined {
    const refused = this.#line.shift();
    if (!refused) return undefined;
    const lost = new Set([refused.place]);
    for (const placed of this.#line) {
      if (placed.isLost || lost.has(placed.operation.dependsOn)) {
        placed.isLost = true;
        lost.add(placed.place);
      }
    }
    this.#replay();
    return refused.operation;
  }

  /** The newest operation could not be sent. */
  dropNewest(): void {
    const others = [...this.#line].slice(0, -1);
    this.#line.clear();
    for (const placed of others) this.#line.push(placed);
    this.#newest = others.at(-1)?.operation;
    this.#issued--;
    this.#replay();
  }

  /** None of them will be answered; the next operation has place 1 again. */
  dropAll(): PendingOperation[] {
    const dropped = Array.from(this.#line, ({ operation }) => operation);
    this.#line.clear();
    this.#newest = undefined;
    this.#issued = 0;
    this.#replay();
    return dropped;
  }

  /** Resolves when all operations so far have been answered; rejects when one of them never will be. */
  whenAnswered(): Promise<void> {
    if (this.#line.size === 0 || !this.#newest) return Promise.resolve();
    this.#newest.answered ??= new Deferred();
    return this.#newest.answered.promise;
  }

  #show(operation: PendingOperation): void {
    if (operation.isClear) {
      this.#clears++;
      this.#overlay.clear();
    }
    for (const { key, value } of operation.effects) this.#overlay.set(key, value);
  }

  #replay(): void {
    this.#overlay.clear();
    this.#clears = 0;
    for (const { operation, isLost } of this.#line) if (!isLost) this.#show(operation);
  }
}
