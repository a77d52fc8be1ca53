import { Deferred, rejected } from "../core/deferred.ts";
import { ConnectionError, ConnectorError, failure } from "../core/errors.ts";
import type { Loose } from "../core/loose.ts";
import { Waiter, type WaitOptions, waitFor } from "../core/waiting.ts";
import { diffBytes } from "./byte-patch.ts";
import { ChangeStream, type DictChangeEntry } from "./change-stream.ts";
import { deepEqual } from "./deep-equal.ts";
import { describe } from "./describe.ts";
import type { ChangeOrigin, DictChange } from "./dict-event.ts";
import type { DictReplica } from "./dict-replica.ts";
import { DictValue } from "./dict-value.ts";

/** Variables of a program that declared none: it may then be written as in the Python original. */
export type LooseVars = Record<string, Loose>;

type KeyOf<V> = keyof V & string;

/** One atomic operation on a dict, here or anywhere: its first key, and all of them in `changes`. */
export interface SharedDictEvent<V extends object = LooseVars> {
  readonly key: KeyOf<V>;
  readonly value: V[KeyOf<V>] | undefined;
  readonly previous: V[KeyOf<V>] | undefined;
  readonly origin: ChangeOrigin;
  readonly changes: readonly Pick<SharedDictEvent<V>, "key" | "value" | "previous">[];
}

/**
 * A dict that several programs share. Reading is local and at once; what is written shows here at once and travels in the
 * background; the server orders all writes, and the last one wins everywhere.
 *
 * Values that are read are frozen, so that nothing drifts apart: use `mutate`, or set a new value. One that holds binary data,
 * which cannot be frozen, is a new copy each time.
 *
 * Writing without a link throws `ConnectionError` `CNR_ERR_NOT_CONNECTED`, or why the link has ended; a value that cannot
 * travel throws `CodecError`, one that is too large `LimitError`. When the server refuses a plain write, it is taken back
 * here and the `error` event tells.
 */
export class SharedDict<V extends object = LooseVars> {
  readonly #replica: DictReplica;

  constructor(replica: DictReplica) {
    this.#replica = replica;
  }

  // ---- as a Map ----

  /** What the key holds, else `fallback`. */
  get<K extends KeyOf<V>>(key: K): V[K] | undefined;
  get<K extends KeyOf<V>, F>(key: K, fallback: F): V[K] | F;
  get(key: string, fallback?: unknown): unknown {
    const found = this.#replica.find(key);
    return found ? found.read(this.#replica.codec) : fallback;
  }

  /** Shows here at once; the server orders it. Throws `CNR_ERR_UNSENDABLE`, `CNR_ERR_VALUE_TOO_LARGE`, `CNR_ERR_NOT_CONNECTED`. */
  set<K extends KeyOf<V>>(key: K, value: V[K]): this {
    this.#replica.set(key, value);
    return this;
  }

  has(key: string): boolean {
    return this.#replica.find(key) !== undefined;
  }

  /** @returns whether it was there, as this side saw it */
  delete(key: KeyOf<V>): boolean {
    const wasThere = this.has(key);
    this.#replica.delete(key);
    return wasThere;
  }

  clear(): void {
    this.#replica.clear();
  }

  get size(): number {
    return this.#replica.size;
  }

  *keys(): IterableIterator<KeyOf<V>> {
    for (const [key] of this.#replica.entries()) yield key as KeyOf<V>;
  }

  *values(): IterableIterator<V[KeyOf<V>]> {
    for (const [, value] of this.entries()) yield value;
  }

  *entries(): IterableIterator<[key: KeyOf<V>, value: V[KeyOf<V>]]> {
    for (const [key, found] of this.#replica.entries()) {
      yield [key as KeyOf<V>, found.read(this.#replica.codec) as V[KeyOf<V>]];
    }
  }

  [Symbol.iterator](): IterableIterator<[key: KeyOf<V>, value: V[KeyOf<V>]]> {
    return this.entries();
  }

  forEach(visit: (value: V[KeyOf<V>], key: KeyOf<V>, dict: this) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  // ---- and more ----

  /** Deletes the key and gives what it held, as this side saw it; else `fallback`. */
  pop<K extends KeyOf<V>>(key: K): V[K] | undefined;
  pop<K extends KeyOf<V>, F>(key: K, fallback: F): V[K] | F;
  pop<K extends KeyOf<V>>(key: K, fallback?: unknown): unknown {
    if (!this.has(key)) return fallback;
    const value = this.get(key);
    this.#replica.delete(key);
    return value;
  }

  /** Gives what the key holds; where it is missing, sets it first. Of several that do so at once, the first one wins. */
  setDefault<K extends KeyOf<V>>(key: K, value: V[K]): V[K] {
    if (!this.has(key)) {
      this.#replica.swap(key, undefined, this.#replica.encode(value)).catch((error: unknown) => {
        if (!isConflict(error) && !(error instanceof ConnectionError)) this.#replica.report(error);
      });
    }
    return this.get(key) as V[K];
  }

  /** Sets several keys in one atomic operation, with one `change` event. Together they count as one value against the limit. */
  update(entries: Partial<V> | ReadonlyMap<KeyOf<V>, V[KeyOf<V>]>): void {
    this.#replica.update(entries instanceof Map ? entries : Object.entries(entries));
  }

  /** Own operations that the server has not answered. */
  get pending(): number {
    return this.#replica.pending;
  }

  /** Whether the server may know better: there is no link, or nothing has come over it yet. */
  get stale(): boolean {
    return this.#replica.stale;
  }

  // ---- awaited ----

  /** Resolves when the server has ordered all own writes so far, and taken or refused each of them. */
  synced(options?: WaitOptions): Promise<void> {
    return waitFor(this.#replica.synced(), "synced", options);
  }

  /**
   * Atomic read-modify-write: `fn` is called again when somebody else has written meanwhile.
   *
   * @param fn - gets what the key holds and gives what it shall hold; `undefined` stands for a key that is not there
   * @returns what `fn` gave in the end; rejects with what it throws, `CNR_ERR_TIMEOUT`, or why the link has ended
   * @example
   * await dict.modify("best", (best = 0) => Math.max(best, score));
   */
  modify<K extends KeyOf<V>>(
    key: K,
    fn: (value: V[K] | undefined) => V[K] | undefined | Promise<V[K] | undefined>,
    options?: WaitOptions,
  ): Promise<V[K]> {
    return this.#retry(`modify "${key}"`, options, async (isOver) => {
      const base = this.#replica.find(key);
      const given = fn(base?.read(this.#replica.codec) as V[K] | undefined);
      // Only a promise is awaited: the write of a plain function goes out in order with the writes after it.
      const next = isThenable(given) ? await this.#whileLinked(given) : given;
      if (isOver()) return undefined;
      if (this.#replica.find(key) !== base) return this.#lookAgain();
      const bytes = next === undefined ? undefined : this.#replica.encode(next);
      return (await isTaken(this.#replica.swap(key, base, bytes))) ? { value: next as V[K] } : undefined;
    });
  }

  /**
   * Adds `n` to a number; a missing key counts as 0.
   *
   * @returns the new number; rejects with `StoreError` `CNR_ERR_NOT_A_NUMBER`
   */
  increment(key: KeyOf<V>, n = 1, options?: WaitOptions): Promise<number> {
    if (typeof n !== "number") return rejected(new TypeError(`increment takes a number, got ${describe(n)}`));
    let isNewest = false;
    return this.#retry(`increment "${key}"`, options, async () => {
      const now: unknown = this.has(key) ? this.get(key) : 0;
      if (typeof now === "number")
        return { value: (await this.#replica.increment(key, n, now + n)) as number };
      if (isNewest) throw failure("CNR_ERR_NOT_A_NUMBER", { key, found: describe(now) });
      await this.#replica.barrier();
      isNewest = true;
      return undefined;
    });
  }

  /**
   * Sets the key if it holds `expected`, by content; `undefined` stands for a key that is not there, on both sides.
   *
   * @returns true; rejects with `StoreError` `CNR_ERR_CONFLICT` when the newest value is another one
   */
  compareAndSet<K extends KeyOf<V>>(
    key: K,
    expected: V[K] | undefined,
    value: V[K] | undefined,
    options?: WaitOptions,
  ): Promise<true> {
    let isNewest = false;
    return this.#retry(`compareAndSet "${key}"`, options, async () => {
      const base = this.#replica.find(key);
      if (deepEqual(base?.read(this.#replica.codec), expected)) {
        // Refused or not: what is here then is the newest.
        isNewest = true;
        const bytes = value === undefined ? undefined : this.#replica.encode(value);
        return (await isTaken(this.#replica.swap(key, base, bytes))) ? { value: true } : undefined;
      }
      if (isNewest) throw failure("CNR_ERR_CONFLICT", { key });
      await this.#replica.barrier();
      isNewest = true;
      return undefined;
    });
  }

  /**
   * Edits a value: `recipe` gets a copy of its own and changes it in place, or gives another one. Only the places that differ
   * travel. It is called again when somebody else has written meanwhile, so no edit is lost.
   *
   * @param recipe - gets `undefined` when the key is not there
   * @returns the new value
   * @example
   * await dict.mutate("list", (list) => { list.push(1); });
   */
  mutate<K extends KeyOf<V>>(
    key: K,
    // biome-ignore lint/suspicious/noConfusingVoidType: a recipe that edits in place returns nothing
    recipe: (draft: V[K]) => V[K] | undefined | void | Promise<V[K] | undefined | void>,
    options?: WaitOptions,
  ): Promise<V[K]> {
    const replica = this.#replica;
    return this.#retry(`mutate "${key}"`, options, async (isOver) => {
      const base = replica.find(key);
      const draft = base?.copy(replica.codec) as V[K];
      const given = recipe(draft);
      const next = (isThenable(given) ? await this.#whileLinked(given) : given) ?? draft;
      if (isOver()) return undefined;
      if (this.#replica.find(key) !== base) return this.#lookAgain();
      const bytes = next === undefined ? undefined : replica.encode(next);
      const edited = new DictValue(bytes);
      if (base ? edited.isSame(base) : !bytes) {
        // Nothing to change in what is here: that has to be true of the newest, too.
        await replica.barrier();
        return replica.find(key) === base ? { value: draft } : undefined;
      }
      const sent = this.#replace(key, base, bytes);
      return (await isTaken(sent)) ? { value: edited.read(replica.codec) as V[K] } : undefined;
    });
  }

  /**
   * Resolves to what the key holds as soon as `test` says yes to it; at once when it does already.
   *
   * @param test - left out: that the key is there
   */
  waitFor<K extends KeyOf<V>>(key: K, options?: WaitOptions): Promise<V[K]>;
  waitFor<K extends KeyOf<V>>(
    key: K,
    test: ((value: V[K] | undefined) => boolean) | undefined,
    options?: WaitOptions,
  ): Promise<V[K]>;
  waitFor<K extends KeyOf<V>>(
    key: K,
    testOrOptions?: ((value: V[K] | undefined) => boolean) | WaitOptions,
    options?: WaitOptions,
  ): Promise<V[K]> {
    const test = typeof testOrOptions === "function" ? testOrOptions : isThere;
    const wait = typeof testOrOptions === "object" ? testOrOptions : options;
    const listening: Disposable[] = [];
    const stop = (): void => {
      for (const listener of listening.splice(0)) listener[Symbol.dispose]();
    };
    const waiter = new Waiter<V[K]>(`waitFor "${key}"`, wait, stop);
    const look = (value: unknown): void => {
      try {
        if (!waiter.settled && test(value as V[K] | undefined) && waiter.resolve(value as V[K])) stop();
      } catch (error) {
        if (waiter.reject(error)) stop();
      }
    };
    try {
      look(this.get(key));
    } catch (error) {
      waiter.reject(error);
    }
    const detached = this.#replica.whyDetached;
    if (detached) waiter.reject(detached);
    if (!waiter.settled) {
      listening.push(
        this.#replica.onChange(({ changes }) => {
          for (const change of changes) if (change.key === key) look(change.value);
        }),
        this.#replica.onDetach((reason) => {
          if (waiter.reject(reason)) stop();
        }),
      );
    }
    return waiter.promise;
  }

  // ---- changes ----

  /**
   * The changes from now on, of one key or all. A loop that does not keep up gets the newest value of each key.
   * It ends when the link is closed, and throws when it is lost.
   */
  changes(options?: WaitOptions): AsyncIterableIterator<DictChangeEntry<KeyOf<V>, V[KeyOf<V>]>>;
  changes<K extends KeyOf<V>>(
    key: K | undefined,
    options?: WaitOptions,
  ): AsyncIterableIterator<DictChangeEntry<K, V[K]>>;
  changes(
    keyOrOptions?: string | WaitOptions,
    options?: WaitOptions,
  ): AsyncIterableIterator<DictChangeEntry<never, never>> {
    const key = typeof keyOrOptions === "string" ? keyOrOptions : undefined;
    const wait = typeof keyOrOptions === "object" ? keyOrOptions : options;
    return new ChangeStream(this.#replica, key, wait) as AsyncIterableIterator<DictChangeEntry<never, never>>;
  }

  /** Calls `listener` once for each atomic operation that changes what is read here. Dispose of the result to stop. */
  on(event: "change", listener: (event: SharedDictEvent<V>) => unknown): Disposable {
    if (event !== "change") throw new TypeError(`a dict has no event "${String(event)}"`);
    return this.#replica.onChange(listener as (event: DictChange) => unknown);
  }

  /** Sends what differs, or all where that is no longer. */
  #replace(key: string, base: DictValue | undefined, bytes: Uint8Array | undefined): Promise<unknown> {
    const patch = base?.bytes && bytes && diffBytes(base.bytes, bytes);
    return patch && patch.length * 4 < bytes.length * 3
      ? this.#replica.patch(key, base, bytes, patch)
      : this.#replica.swap(key, base, bytes);
  }

  /** What a function of the user's promises, unless the link ends before. */
  async #whileLinked<T>(given: PromiseLike<T>): Promise<T> {
    const detached = new Deferred<never>();
    using _listening = this.#replica.onDetach((reason) => detached.reject(reason));
    return await Promise.race([given, detached.promise]);
  }

  /** Something was written meanwhile: another try goes on from what the server has, and lets others run before. */
  async #lookAgain(): Promise<undefined> {
    await this.#replica.barrier();
  }

  /** Tries until it gives something: nothing means that somebody else has written meanwhile. */
  #retry<T>(
    what: string,
    options: WaitOptions | undefined,
    attempt: (isOver: () => boolean) => Promise<{ readonly value: T } | undefined>,
  ): Promise<T> {
    const waiter = new Waiter<T>(what, options);
    const isOver = (): boolean => waiter.settled;
    const run = async (): Promise<void> => {
      while (!waiter.settled) {
        try {
          const done = await attempt(isOver);
          if (done) waiter.resolve(done.value);
        } catch (error) {
          waiter.reject(error);
        }
      }
    };
    void run();
    return waiter.promise;
  }
}

function isThere(value: unknown): boolean {
  return value !== undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

/** False when somebody else has written the key meanwhile. */
async function isTaken(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

function isConflict(error: unknown): boolean {
  return ConnectorError.is(error) && error.code === "CNR_ERR_CONFLICT";
}
