import { Deferred } from "../core/deferred.ts";
import { failure } from "../core/errors.ts";
import { RingBuffer } from "../core/ring-buffer.ts";
import { handOver } from "./hand-over.ts";
import type { OpenPlace, QueueGetter, QueueHandle } from "./queue-binding.ts";
import { deniedGet, lostGet } from "./queue-errors.ts";

/** The gets of a queue that nobody can give up: they share one place in the line, and cost no more than their promises. */
export class PlainGets<T> implements QueueGetter {
  readonly handle: QueueHandle;
  readonly #queue: string;
  readonly #onEnd: () => void;
  readonly #waiting = new RingBuffer<Deferred<T>>();

  /** @param onEnd - hears that the queue is closed and drained */
  constructor(queue: string, open: OpenPlace, onEnd: () => void) {
    this.#queue = queue;
    this.#onEnd = onEnd;
    this.handle = open(this);
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  get(): Promise<T> {
    const waiting = new Deferred<T>();
    // Before the demand: in the host's own process the item comes at once.
    this.#waiting.push(waiting);
    try {
      this.handle.demand();
    } catch (error) {
      this.#dropNewest();
      throw error;
    }
    return waiting.promise;
  }

  item(id: number, body: Uint8Array): void {
    const waiting = this.#waiting.shift();
    if (waiting) handOver(this.handle, id, body, waiting);
    else this.handle.giveBack(id);
  }

  /** Nothing is ever withdrawn here. */
  nothing(): void {}

  end(): void {
    this.#onEnd();
    this.#rejectAll(failure("CNR_ERR_QUEUE_CLOSED", { queue: this.#queue }));
  }

  denied(): void {
    this.#rejectAll(deniedGet(this.#queue));
  }

  lost(reason: unknown): void {
    this.#rejectAll(lostGet(this.#queue, reason));
  }

  #rejectAll(reason: unknown): void {
    for (let waiting = this.#waiting.shift(); waiting; waiting = this.#waiting.shift())
      waiting.reject(reason);
  }

  #dropNewest(): void {
    for (let older = this.#waiting.size - 1; older > 0; older--) {
      this.#waiting.push(this.#waiting.shift() as Deferred<T>);
    }
    this.#waiting.shift();
  }
}
