import { callSafely } from "../core/emitter.ts";
import { type ChangeOrigin, ChangeRecord, type DictEvent, EventRecord } from "./dict-event.ts";
import type { DictValue, ValueCodec } from "./dict-value.ts";
import type { ReplicaView } from "./replica-view.ts";

export type ChangeListener = (event: DictEvent) => unknown;

/**
 * Tells listeners what has changed, one event for each atomic operation, all of them in the same order: a listener that
 * writes to the dict causes an event that comes after the one it is hearing.
 */
export class ChangeListeners {
  readonly #codec: ValueCodec;
  readonly #onError: (error: unknown) => void;
  /** Replaced when one comes or goes, never changed: who is being told is told to the end. */
  #listeners: readonly ChangeListener[] = [];
  /** What the operation has made of its first key; most operations have no other. */
  #first: ChangeRecord | undefined;
  #changes: Map<string, ChangeRecord> | undefined;
  #events: DictEvent[] = [];
  #isTelling = false;

  constructor(codec: ValueCodec, onError: (error: unknown) => void) {
    this.#codec = codec;
    this.#onError = onError;
  }

  /** Whether anybody would hear: nothing needs to be noted otherwise. */
  get isHeard(): boolean {
    return this.#listeners.length > 0;
  }

  add(listener: ChangeListener): Disposable {
    // Its own function: one listener added twice is called twice, and taken away once at a time.
    const own: ChangeListener = (event) => listener(event);
    this.#listeners = [...this.#listeners, own];
    return {
      [Symbol.dispose]: () => {
        this.#listeners = this.#listeners.filter((other) => other !== own);
      },
    };
  }

  /** Notes what an operation makes of a key; `close` ends the operation. */
  note(key: string, before: DictValue | undefined, after: DictValue | undefined): void {
    const present = before?.bytes ? before : undefined;
    const next = after?.bytes ? after : undefined;
    if (!present && !next) return;
    const change = new ChangeRecord(this.#codec, key, present, next);
    if (!this.#first) {
      this.#first = change;
      return;
    }
    this.#changes ??= new Map([[this.#first.key, this.#first]]);
    const earlier = this.#changes.get(key);
    this.#changes.set(key, earlier ? change.since(earlier) : change);
  }

  /** Notes an operation of somebody else on one key. */
  noteRemote(key: string, before: DictValue | undefined, after: DictValue | undefined): void {
    this.note(key, before, after);
    this.close("remote");
  }

  /** Notes each key in which the view differs from what it was, as an operation of its own. */
  noteDifference(before: ReadonlyMap<string, DictValue> | undefined, view: ReplicaView): void {
    if (!before) return;
    for (const [key, value] of before) {
      const now = view.find(key);
      if (!now?.isSame(value)) this.noteRemote(key, value, now);
    }
    for (const [key, value] of view.entries()) if (!before.has(key)) this.noteRemote(key, undefined, value);
  }

  /** @returns the event that listeners will hear of, if anything was noted */
  close(origin: ChangeOrigin): DictEvent | undefined {
    const first = this.#first;
    if (!first) return undefined;
    first.origin = origin;
    const event = this.#changes ? new EventRecord(origin, [...this.#changes.values()]) : first;
    this.#first = undefined;
    this.#changes = undefined;
    this.#events.push(event);
    return event;
  }

  /** It did not happen. */
  retract(event: DictEvent | undefined): void {
    this.#events = this.#events.filter((other) => other !== event);
  }

  /** Calls the listeners; when one of them has led here, its event waits until all have heard the one before. */
  tell(): void {
    if (this.#isTelling || this.#events.length === 0) return;
    this.#isTelling = true;
    for (let event = this.#events.shift(); event; event = this.#events.shift()) {
      for (const listener of this.#listeners) callSafely(listener, [event], this.#onError);
    }
    this.#isTelling = false;
  }
}
