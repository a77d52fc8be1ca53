/** A store that knows the answer at once gives it plainly: a promise for each call would halve its speed. */
export type Awaitable<T> = T | Promise<T>;

/** Strictly increasing within an epoch; only compare it. */
export type Rev = number;

/** A point in a store's history. A cursor of another epoch means nothing here: its subscriber starts from a reset. */
export interface Cursor {
  readonly epoch: string;
  readonly rev: Rev;
}

/** `ifRev` makes the whole commit depend on the key's revision; 0 means that the key must be absent. */
export type DictOp =
  | { readonly kind: "set"; readonly key: string; readonly value: Uint8Array; readonly ifRev?: Rev }
  | { readonly kind: "delete"; readonly key: string; readonly ifRev?: Rev }
  | { readonly kind: "clear" };

/** A failed condition is a result, not an error: it names the first key that differs, and that key's revision (0: absent). */
export type CommitResult =
  | { readonly ok: true; readonly rev: Rev }
  | { readonly ok: false; readonly key: string; readonly rev: Rev };

export interface DictEntry {
  readonly value: Uint8Array;
  readonly rev: Rev;
}

export interface DictSink {
  /**
   * The full state: the first call unless the cursor could be resumed, and again when the store has lost history.
   * Read `entries` before you return and before you write to the store.
   */
  reset(entries: Iterable<readonly [key: string, entry: DictEntry]>, at: Cursor): void;
  /**
   * One committed transaction: exactly once, in order. It has all operations of the commit, also those that changed
   * nothing (a delete of a missing key), because the origin counts on seeing its commit.
   */
  change(rev: Rev, ops: readonly DictOp[], origin: string): void;
}

/** An item under lease. `token` settles it, through any store of the same data; `attempt` is 1 the first time. */
export interface Delivery {
  readonly token: number;
  readonly queue: string;
  readonly body: Uint8Array;
  readonly attempt: number;
}

export interface ConsumerSink {
  item(delivery: Delivery): void;
  /** The queue is closed and holds nothing, leased or delayed items included: no item will come any more. */
  end(): void;
}

export interface Consumer {
  /** Adds `n` credits. Waiters over all consumers of a queue are served strictly in the order of their demand calls. */
  demand(n: number): void;
  /**
   * Takes back up to `n` of the newest credits.
   * @returns how many of them were still unused; for the others, `item` has been called before this answers
   */
  withdraw(n: number): Awaitable<number>;
  /** Drops the unused credits. Leased items stay leased until they are settled or their owner is released. */
  close(): void;
}

export interface PutOptions {
  /** A put with an id that the same queue has seen in the last 120 s is not stored again. */
  readonly id?: string | undefined;
  /** Milliseconds until the item can be taken. */
  readonly delayMs?: number | undefined;
  /** An integer; higher ones are taken first. */
  readonly priority?: number | undefined;
}

export interface QueueSize {
  readonly ready: number;
  readonly leased: number;
  readonly delayed: number;
}

export interface StoreInfo {
  /** What was acknowledged survives the end of this process. */
  readonly durable: boolean;
  /** Several servers may work on the same data. */
  readonly shared: boolean;
  /** The loss of one machine can lose writes that were acknowledged. */
  readonly ackedLossOnFailover: boolean;
}

/**
 * Where the globals live: one dict and any number of queues, with one total order of all that happens to them.
 *
 * Values and bodies are opaque bytes; a store keeps the arrays that it is given, so do not change them afterwards.
 * Keys, queue names, origins and owners may be any strings. An item's place in its queue is fixed by its put: higher priority first, then put
 * order; an item that comes back takes its old place. Items are given at least once, and never to two owners at a time.
 *
 * Sinks may call the store: what follows from such a call reaches sinks after the running sink has returned, and a call
 * that promises to answer only when sinks have been called then answers with a promise. A sink that throws does no harm.
 *
 * Every call after `close()` throws or rejects with `CNR_ERR_STORE_CLOSED`, except `close` itself and the methods of Consumer and Disposable, which do nothing.
 */
export interface Store {
  readonly info: StoreInfo;
  /** Resolves when the data is at hand. Repeatable. */
  open(): Promise<void>;
  /** Ends all subscriptions and consumers without a further call to a sink. Repeatable. */
  close(): Promise<void>;

  /** Changes when history was lost or replaced. */
  readonly epoch: string;
  /** The revision of the newest commit applied here. */
  readonly rev: Rev;
  /** As applied here, in the order of the keys' first commits. */
  get(key: string): DictEntry | undefined;
  keys(): Iterable<string>;
  entries(): Iterable<readonly [key: string, entry: DictEntry]>;
  /**
   * Applies all operations or none; conditions are tested against the state before the commit.
   * Commits of one store apply in the order of the calls, and local sinks have seen a commit when it answers.
   * @param origin - handed to the sinks with the change
   */
  commit(ops: readonly DictOp[], origin: string): Awaitable<CommitResult>;
  /** Answers when everything that was committed anywhere before this call is applied here. */
  barrier(): Awaitable<Rev>;
  /** Calls the sink at once with a reset, or with the changes since the cursor; then with each change, without a gap. */
  subscribe(since: Cursor | undefined, sink: DictSink): Disposable;

  /**
   * Answers when the item is stored; after a failure, repeat it with the same id.
   * Fails with `CNR_ERR_QUEUE_CLOSED` when the queue is closed.
   */
  put(queue: string, body: Uint8Array, options?: PutOptions): Awaitable<{ readonly duplicate: boolean }>;
  /** @param owner - the session that will hold the leases, and whose end gives them back */
  consume(queue: string, owner: string, sink: ConsumerSink): Consumer;
  /** Settles an item for good. False: the lease is gone, and nothing was changed; so for all that take a token. */
  ack(token: number): Awaitable<boolean>;
  /** Gives an item back to its place, before newer items, now or after `delayMs`. */
  nack(token: number, options?: { readonly delayMs?: number | undefined }): Awaitable<boolean>;
  /**
   * Settles an item and puts it, or `body` instead of its own, into another queue in one step: a new item there,
   * of the same priority. Fails with `CNR_ERR_QUEUE_CLOSED`, and keeps the lease, when that queue is closed.
   */
  move(token: number, queue: string, body?: Uint8Array): Awaitable<boolean>;
  /** Lets the lease end `leaseMs` from now; `Infinity` takes its end away. */
  extend(token: number, leaseMs: number): Awaitable<boolean>;
  /** The owner is gone: its consumers are closed, and its leases go back to their places at once. */
  release(owner: string): Awaitable<void>;
  /** As applied here. */
  size(queue: string): QueueSize;
  /** The queues that hold items, leased and delayed ones included. */
  queues(): string[];
  /** Drops ready and delayed items. Answers how many. */
  purge(queue: string): Awaitable<number>;
  /** Refuses puts from now on; consumers drain what is there, then each one's sink hears `end()`. */
  closeQueue(queue: string): Awaitable<void>;
}
