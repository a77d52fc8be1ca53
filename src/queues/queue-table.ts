import type { FunctionCodec } from "../codec/function-codec.ts";
import { MAX_QUEUE_NAME_CHARACTERS } from "../protocol/queue-messages.ts";
import { Queue, release } from "./queue.ts";
import type { QueueBinding } from "./queue-binding.ts";

/** What queues stand on; it changes with each connect and disconnect. */
export interface QueueSource {
  readonly functions: FunctionCodec | undefined;
  readonly binding: QueueBinding | undefined;
  /** Why there is no binding any more; undefined when there never was one. */
  readonly over: unknown;
}

/** The queues of one space by name, made on first use. They outlive links: what they stand on is attached and detached. */
export class QueueTable implements QueueSource {
  readonly functions: FunctionCodec | undefined;
  readonly #queues = new Map<string, Queue>();
  #binding: QueueBinding | undefined;
  #over: unknown;

  /** @param functions - how functions inside values travel; left out, they are refused */
  constructor(functions?: FunctionCodec) {
    this.functions = functions;
  }

  get binding(): QueueBinding | undefined {
    return this.#binding;
  }

  get over(): unknown {
    return this.#over;
  }

  /** From now on the queues stand on this: `new RemoteQueues(session).local` or `.global`, or `new DirectQueues(host, owner)`. */
  attach(binding: QueueBinding): void {
    this.#binding = binding;
  }

  /** The link has ended: all waits end with `reason`, or with `CNR_ERR_QUEUE_CLOSED` for gets when it ended in order. */
  detach(reason: unknown): void {
    const binding = this.#binding;
    if (!binding) return;
    this.#binding = undefined;
    this.#over = reason;
    binding.end(reason);
  }

  /** Throws a `RangeError` for a name of more than 1024 characters. */
  get(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    if (name.length > MAX_QUEUE_NAME_CHARACTERS) {
      const { length } = name;
      throw new RangeError(
        `a queue's name has at most ${MAX_QUEUE_NAME_CHARACTERS} characters, this one ${length}`,
      );
    }
    const queue = new Queue(name, this);
    this.#queues.set(name, queue);
    return queue;
  }

  has(name: string): boolean {
    return this.#queues.has(name);
  }

  /**
   * Forgets a queue here: its items stay where they are, for others and for the next use of the name.
   * Whoever holds the `Queue` can go on using it.
   */
  delete(name: string): boolean {
    this.#queues.get(name)?.[release]();
    return this.#queues.delete(name);
  }

  names(): string[] {
    return [...this.#queues.keys()];
  }
}
