import { failure } from "../core/errors.ts";
import { ChangeFeed, type HistoryLimits } from "./change-feed.ts";
import {
  type CommandKind,
  type CommandOf,
  type CommandResults,
  creditsOf,
  delayOf,
  leaseOf,
  priorityOf,
} from "./commands.ts";
import { DueTimer } from "./due-timer.ts";
import { SinkDispatch } from "./sink-dispatch.ts";
import type {
  Awaitable,
  CommitResult,
  Consumer,
  ConsumerSink,
  Cursor,
  DictEntry,
  DictOp,
  DictSink,
  PutOptions,
  QueueSize,
  Rev,
  Store,
  StoreInfo,
} from "./store.ts";
import { StoreMachine } from "./store-machine.ts";

export interface MemoryStoreOptions {
  /** How long a lease lasts unless it is extended or settled, in ms; without end by default. */
  readonly leaseMs?: number;
  /** Recent changes kept for subscribers that resume: 1,000 changes and 1 MiB by default, whichever is met first. */
  readonly history?: HistoryLimits;
  /** Hears what sinks throw, and must not throw itself; by default that is dropped, because the store itself has taken no harm. */
  readonly onSinkError?: (error: unknown) => void;
}

const DEFAULT_HISTORY: HistoryLimits = { maxChanges: 1000, maxBytes: 1024 * 1024 };
const INFO: StoreInfo = { durable: false, shared: false, ackedLossOnFailover: false };
const STORED = { duplicate: false } as const;
const DUPLICATE = { duplicate: true } as const;
const TICK = { kind: "tick" } as const;

// Monotonic: a clock that is set back must not stop delays and leases. Whole, because commands carry integers.
const clock = (): number => Math.floor(performance.now());
const ignore = (): void => {};

function randomEpoch(): string {
  const words = crypto.getRandomValues(new Uint32Array(3));
  return Array.from(words, (word) => word.toString(36)).join("-");
}

/** The default store: everything in this process's memory, every call answered at once. */
export class MemoryStore implements Store {
  readonly info: StoreInfo = INFO;
  readonly #leaseMs: number;
  readonly #feed: ChangeFeed;
  readonly #dispatch: SinkDispatch;
  readonly #timer: DueTimer;
  #machine: StoreMachine;
  #epoch: string | undefined;
  #lastConsumer = 0;
  #isClosed = false;

  constructor(options: MemoryStoreOptions = {}) {
    const { leaseMs = Number.POSITIVE_INFINITY, history = DEFAULT_HISTORY, onSinkError = ignore } = options;
    this.#leaseMs = leaseOf(leaseMs);
    this.#feed = new ChangeFeed(history, onSinkError);
    this.#dispatch = new SinkDispatch(this.#feed, onSinkError);
    this.#machine = new StoreMachine(this.#dispatch);
    this.#timer = new DueTimer(() => this.#apply(TICK));
  }

  async open(): Promise<void> {
    this.#openMachine();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer.set(undefined, clock);
    this.#dispatch.clear();
    // What was stored is let go of, even if somebody keeps the closed store.
    this.#machine = new StoreMachine(this.#dispatch);
  }

  get epoch(): string {
    this.#epoch ??= randomEpoch();
    return this.#epoch;
  }

  get rev(): Rev {
    return this.#openMachine().dict.rev;
  }

  get(key: string): DictEntry | undefined {
    return this.#openMachine().dict.get(key);
  }

  keys(): Iterable<string> {
    return this.#openMachine().dict.keys();
  }

  entries(): Iterable<readonly [key: string, entry: DictEntry]> {
    return this.#openMachine().dict.entries();
  }

  commit(ops: readonly DictOp[], origin: string): Awaitable<CommitResult> {
    return this.#dispatch.afterSinks(this.#apply<"commit">({ kind: "commit", ops, origin }));
  }

  barrier(): Awaitable<Rev> {
    return this.#dispatch.afterSinks(this.rev);
  }

  subscribe(since: Cursor | undefined, sink: DictSink): Disposable {
    const { dict } = this.#openMachine();
    const at: Cursor = { epoch: this.epoch, rev: dict.rev };
    return this.#dispatch.during(() => this.#feed.subscribe(since, at, dict.entries(), sink));
  }

  put(queue: string, body: Uint8Array, options?: PutOptions): { readonly duplicate: boolean } {
    const outcome = this.#apply<"put">({
      kind: "put",
      queue,
      body,
      id: options?.id,
      delayMs: delayOf(options?.delayMs),
      priority: priorityOf(options?.priority),
    });
    if (outcome === "closed") throw failure("CNR_ERR_QUEUE_CLOSED", { queue });
    return outcome === "stored" ? STORED : DUPLICATE;
  }

  consume(queue: string, owner: string, sink: ConsumerSink): Consumer {
    this.#openMachine();
    const consumer = ++this.#lastConsumer;
    this.#dispatch.register(consumer, sink);
    this.#apply<"consume">({ kind: "consume", consumer, queue, owner, leaseMs: this.#leaseMs });
    return {
      demand: (credits) => {
        if (!this.#isClosed) this.#apply<"demand">({ kind: "demand", consumer, credits: creditsOf(credits) });
      },
      withdraw: (credits) => {
        if (this.#isClosed) return 0;
        return this.#dispatch.afterSinks(
          this.#apply<"withdraw">({ kind: "withdraw", consumer, credits: creditsOf(credits) }),
        );
      },
      close: () => {
        if (this.#isClosed) return;
        this.#dispatch.unregister(consumer);
        this.#apply<"closeConsumer">({ kind: "closeConsumer", consumer });
      },
    };
  }

  ack(token: number): boolean {
    return this.#apply<"ack">({ kind: "ack", token });
  }

  nack(token: number, options?: { readonly delayMs?: number | undefined }): boolean {
    return this.#apply<"nack">({ kind: "nack", token, delayMs: delayOf(options?.delayMs) });
  }

  move(token: number, queue: string, body?: Uint8Array): boolean {
    const outcome = this.#apply<"move">({ kind: "move", token, queue, body });
    if (outcome === "closed") throw failure("CNR_ERR_QUEUE_CLOSED", { queue });
    return outcome === "moved";
  }

  extend(token: number, leaseMs: number): boolean {
    return this.#apply<"extend">({ kind: "extend", token, leaseMs: leaseOf(leaseMs) });
  }

  release(owner: string): void {
    for (const consumer of this.#openMachine().queues.consumersOf(owner)) this.#dispatch.release(consumer);
    this.#apply<"release">({ kind: "release", owner });
  }

  size(queue: string): QueueSize {
    return this.#openMachine().queues.size(queue);
  }

  queues(): string[] {
    return this.#openMachine().queues.names();
  }

  purge(queue: string): number {
    return this.#apply<"purge">({ kind: "purge", queue });
  }

  closeQueue(queue: string): void {
    this.#apply<"closeQueue">({ kind: "closeQueue", queue });
  }

  #openMachine(): StoreMachine {
    if (this.#isClosed) throw failure("CNR_ERR_STORE_CLOSED");
    return this.#machine;
  }

  #apply<K extends CommandKind>(command: CommandOf<K>): CommandResults[K] {
    const machine = this.#openMachine();
    const result = machine.apply(command, clock());
    this.#dispatch.handOut();
    if (!this.#isClosed) this.#timer.set(machine.nextDueMs, clock);
    return result;
  }
}
