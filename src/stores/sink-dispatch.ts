import { RingBuffer } from "../core/ring-buffer.ts";
import type { Change, ChangeFeed } from "./change-feed.ts";
import type { Effects } from "./effects.ts";
import type { ConsumerSink, Delivery, DictOp, Rev } from "./store.ts";

interface LocalConsumer {
  readonly sink: ConsumerSink;
  /** Its owner is gone: what is on the way to it belongs to others by now. */
  isReleased: boolean;
}

type Effect =
  | { readonly kind: "change"; readonly change: Change }
  | { readonly kind: "item"; readonly consumer: LocalConsumer; readonly delivery: Delivery }
  | { readonly kind: "end"; readonly consumer: LocalConsumer };

/**
 * Notes the effects of commands, and hands them to the sinks of this process, in order, when the state is consistent.
 * A sink may cause more effects: these wait until it has returned, so that no sink is called while it runs.
 */
export class SinkDispatch implements Effects {
  readonly #feed: ChangeFeed;
  readonly #onSinkError: (error: unknown) => void;
  readonly #consumers = new Map<number, LocalConsumer>();
  readonly #effects = new RingBuffer<Effect>();
  #isHandingOut = false;

  constructor(feed: ChangeFeed, onSinkError: (error: unknown) => void) {
    this.#feed = feed;
    this.#onSinkError = onSinkError;
  }

  register(id: number, sink: ConsumerSink): void {
    this.#consumers.set(id, { sink, isReleased: false });
  }

  /** What has been leased to the consumer before still reaches its sink: somebody has to settle it. */
  unregister(id: number): void {
    this.#consumers.delete(id);
  }

  release(id: number): void {
    const consumer = this.#consumers.get(id);
    if (consumer) consumer.isReleased = true;
    this.#consumers.delete(id);
  }

  changed(rev: Rev, ops: readonly DictOp[], origin: string): void {
    this.#effects.push({ kind: "change", change: this.#feed.record(rev, ops, origin) });
  }

  delivered(id: number, delivery: Delivery): void {
    const consumer = this.#consumers.get(id);
    if (consumer) this.#effects.push({ kind: "item", consumer, delivery });
  }

  ended(id: number): void {
    const consumer = this.#consumers.get(id);
    if (consumer) this.#effects.push({ kind: "end", consumer });
  }

  /** Runs `task`, which may call sinks; then hands out what was noted meanwhile. */
  during<T>(task: () => T): T {
    if (this.#isHandingOut) return task();
    this.#isHandingOut = true;
    const result = task();
    this.#isHandingOut = false;
    this.handOut();
    return result;
  }

  handOut(): void {
    if (this.#isHandingOut || this.#effects.size === 0) return;
    this.#isHandingOut = true;
    for (let effect = this.#effects.shift(); effect; effect = this.#effects.shift()) this.#hand(effect);
    this.#isHandingOut = false;
  }

  /**
   * An answer that must not come before the sinks have been called: inside a sink's call it waits, as a promise,
   * until the outermost call has handed out everything.
   */
  afterSinks<T>(answer: T): T | Promise<T> {
    return this.#isHandingOut ? Promise.resolve(answer) : answer;
  }

  clear(): void {
    this.#consumers.clear();
    this.#effects.clear();
    this.#feed.clear();
  }

  #hand(effect: Effect): void {
    try {
      if (effect.kind === "change") this.#feed.publish(effect.change);
      else if (effect.consumer.isReleased) return;
      else if (effect.kind === "item") effect.consumer.sink.item(effect.delivery);
      else effect.consumer.sink.end();
    } catch (error) {
      this.#onSinkError(error);
    }
  }
}
