import { failure } from "../core/errors.ts";
import { Future } from "../core/future.ts";
import type { AnyFunction } from "./captured-function.ts";

/** Calls a function of the other side by the number it is known by. */
export type CallReference = (id: number, args: unknown[]) => unknown;
/** Tells the other side that so many holds on one of its functions are gone. */
export type SendRelease = (id: number, holds: number) => void;

interface Exported {
  readonly fn: AnyFunction;
  holds: number;
}

/** A function of the other side, held here. */
export interface Held {
  readonly id: number;
  readonly proxy: WeakRef<AnyFunction>;
  holds: number;
  isKept: boolean;
  isReleased: boolean;
  readonly table: ReferenceTable;
}

const heldBy = new WeakMap<AnyFunction, Held>();

/**
 * Functions that one side has lent the other through a link: live callbacks. Each side counts how often it has sent
 * a function; the other side gives the counts back when it is done with them.
 */
export class ReferenceTable {
  readonly #max: number;
  readonly #call: CallReference;
  readonly #sendRelease: SendRelease;
  readonly #exported = new Map<number, Exported>();
  readonly #ids = new Map<AnyFunction, number>();
  readonly #held = new Map<number, Held>();
  readonly #collected = new FinalizationRegistry<Held>((held) => this.#drop(held));
  #nextId = 1;
  /** Lent by the message that is being written. */
  #lentSince: number[] = [];
  /** References received while this is set belong to the call that brought them. */
  #scope: Held[] | undefined;

  constructor(max: number, call: CallReference, sendRelease: SendRelease) {
    this.#max = max;
    this.#call = call;
    this.#sendRelease = sendRelease;
  }

  /** Functions of this side that the other side holds. */
  get lent(): number {
    return this.#exported.size;
  }

  /** Lending starts anew: what is lent from here on may be taken back with `rollBack`. */
  begin(): void {
    if (this.#lentSince.length > 0) this.#lentSince = [];
  }

  /** The message that lent these was not sent. */
  rollBack(): void {
    this.#unlend(this.#lentSince.splice(0));
  }

  /** The message that lent these waits: gives what takes them back should it never be sent, if it lent any. */
  setAside(): (() => void) | undefined {
    if (this.#lentSince.length === 0) return undefined;
    const lent = this.#lentSince.splice(0);
    return () => this.#unlend(lent);
  }

  /** The number under which the other side may call `fn`. */
  lend(fn: AnyFunction): number {
    const known = this.#ids.get(fn);
    if (known !== undefined) {
      (this.#exported.get(known) as Exported).holds++;
      this.#lentSince.push(known);
      return known;
    }
    if (this.#exported.size >= this.#max) {
      throw failure("CNR_ERR_TOO_MANY", { what: "live callbacks", max: this.#max, option: "maxReferences" });
    }
    const id = this.#nextId++;
    this.#exported.set(id, { fn, holds: 1 });
    this.#ids.set(fn, id);
    this.#lentSince.push(id);
    return id;
  }

  find(id: number): AnyFunction | undefined {
    return this.#exported.get(id)?.fn;
  }

  /** The other side gives back its holds on a function of ours. */
  takeBack(id: number, holds: number): void {
    const exported = this.#exported.get(id);
    if (!exported || holds > exported.holds) {
      throw failure("CNR_ERR_PROTOCOL", { reason: `it gave back a callback that it did not hold: ${id}` });
    }
    exported.holds -= holds;
    if (exported.holds > 0) return;
    this.#exported.delete(id);
    this.#ids.delete(exported.fn);
  }

  /** The local stand-in of a function of the other side. */
  borrow(id: number, name: string): AnyFunction {
    const known = this.#held.get(id);
    const living = known?.proxy.deref();
    if (known && living) {
      known.holds++;
      this.#scope?.push(known);
      return living;
    }
    if (this.#held.size >= this.#max) {
      throw failure("CNR_ERR_PROTOCOL", {
        reason: `more than ${this.#max} live callbacks (limits.maxReferences)`,
      });
    }
    const proxy: AnyFunction = (...args) => {
      if (held.isReleased) return Future.failed(failure("CNR_ERR_RELEASED"));
      return this.#call(id, args);
    };
    Object.defineProperty(proxy, "name", { value: name, configurable: true });
    const held: Held = {
      id,
      proxy: new WeakRef(proxy),
      holds: 1,
      isKept: false,
      isReleased: false,
      table: this,
    };
    this.#held.set(id, held);
    heldBy.set(proxy, held);
    this.#collected.register(proxy, held, held);
    this.#scope?.push(held);
    return proxy;
  }

  /** The number of a function that came from the other side, so that it goes home as itself. */
  homeOf(fn: AnyFunction): number | undefined {
    const held = heldBy.get(fn);
    return held?.table === this && !held.isReleased ? held.id : undefined;
  }

  /** Runs `read` and gives the references that it received: they end with their call, unless kept. */
  collect<T>(read: () => T): { readonly value: T; readonly references: readonly Held[] } {
    const references: Held[] = [];
    this.#scope = references;
    try {
      return { value: read(), references };
    } finally {
      this.#scope = undefined;
    }
  }

  /** The call that brought these references has ended. */
  endOfCall(references: readonly Held[]): void {
    for (const held of references) {
      if (held.isKept || held.isReleased) continue;
      if (--held.holds > 0) this.#sendRelease(held.id, 1);
      else {
        held.holds = 1;
        this.release(held);
      }
    }
  }

  release(held: Held): void {
    if (held.isReleased) return;
    this.#collected.unregister(held);
    this.#drop(held);
  }

  /** The link is gone, and with it all that was lent. Calls of what is still held here say so. */
  clear(): void {
    for (const held of this.#held.values()) this.#collected.unregister(held);
    this.#held.clear();
    this.#exported.clear();
    this.#ids.clear();
  }

  #unlend(ids: readonly number[]): void {
    // The link may have ended in the meantime.
    for (const id of ids) if (this.#exported.has(id)) this.takeBack(id, 1);
  }

  #drop(held: Held): void {
    held.isReleased = true;
    if (this.#held.get(held.id) === held) this.#held.delete(held.id);
    this.#sendRelease(held.id, held.holds);
  }
}

/** Whether it stands here for a function of another program. */
export function isBorrowed(fn: AnyFunction): boolean {
  return heldBy.has(fn);
}

/**
 * Keeps a callback that came in the arguments of a call usable after the call has ended: until `release(callback)`,
 * until nothing here refers to it any more, or until its link ends.
 *
 * @returns the same function
 * @example
 * server.expose({ subscribe: (listener) => void listeners.add(keep(listener)) });
 */
export function keep<F extends AnyFunction>(callback: F): F {
  const held = heldBy.get(callback);
  if (held) held.isKept = true;
  return callback;
}

/** Gives a callback back to its owner, who may then forget it. Calling it afterwards fails with `CNR_ERR_RELEASED`. */
export function release(callback: AnyFunction): void {
  const held = heldBy.get(callback);
  held?.table.release(held);
}
