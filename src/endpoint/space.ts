import type { HasAnyMember, Loose } from "../core/loose.ts";
import type { WaitOptions } from "../core/waiting.ts";
import type { SharedDict } from "../dict/shared-dict.ts";
import { type VarsView, varsView } from "../dict/vars-view.ts";
import type { PutOptions, Queue } from "../queues/queue.ts";
import type { QueueTable } from "../queues/queue-table.ts";
import { namedView } from "./named-view.ts";

/** Queues by name. */
export type QueuesView<Queues extends object> =
  HasAnyMember<Queues> extends true
    ? Loose
    : { readonly [Name in keyof Queues]: Queue<Queues[Name]> } & Iterable<
        [name: string, queue: Queue<Loose>]
      >;

/** The queue behind `put` and `get` themselves. */
const DEFAULT_NAME = "";

/** A dict and queues that several programs share: the globals, or what one client shares with its peer. */
export class Space<Vars extends object, Queues extends object> {
  /** The shared variables, with nothing in it but your keys. */
  readonly vars: VarsView<Vars>;
  /** The same variables, with methods. */
  readonly dict: SharedDict<Vars>;
  /** Queues by name, made on first use. */
  readonly queues: QueuesView<Queues>;
  readonly #table: QueueTable;

  constructor(dict: SharedDict<Vars>, table: QueueTable) {
    this.dict = dict;
    this.vars = varsView(dict);
    this.#table = table;
    this.queues = namedView<QueuesView<Queues>, Queue>(table);
  }

  /** See `Queue.put`; this is the space's own queue, without a name. */
  put(value: Loose, options?: PutOptions): Promise<void> {
    return this.#table.get(DEFAULT_NAME).put(value, options);
  }

  /** See `Queue.tryPut`. */
  tryPut(value: Loose, options?: PutOptions): Promise<boolean> {
    return this.#table.get(DEFAULT_NAME).tryPut(value, options);
  }

  /** See `Queue.get`. */
  get(options?: WaitOptions): Promise<Loose> {
    return this.#table.get(DEFAULT_NAME).get(options);
  }

  /** See `Queue.tryGet`. */
  tryGet(options?: WaitOptions): Promise<Loose> {
    return this.#table.get(DEFAULT_NAME).tryGet(options);
  }
}
