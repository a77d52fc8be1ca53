import type { DictValue, ValueCodec } from "./dict-value.ts";

/** One key that has changed; `undefined` stands for a key that is not there. */
export interface DictChange {
  readonly key: string;
  readonly value: unknown;
  readonly previous: unknown;
}

/** Whose write it was: this side's, shown at once, or anybody else's. */
export type ChangeOrigin = "local" | "remote";

/** One atomic operation, by its first key; `changes` has all of them. */
export interface DictEvent extends DictChange {
  readonly origin: ChangeOrigin;
  readonly changes: readonly DictChange[];
}

/** What one operation has made of one key, and the event of an operation that has no other. Values are decoded when they are asked for. */
export class ChangeRecord implements DictEvent {
  readonly key: string;
  readonly #codec: ValueCodec;
  readonly #before: DictValue | undefined;
  readonly #after: DictValue | undefined;
  origin: ChangeOrigin = "remote";

  constructor(codec: ValueCodec, key: string, before: DictValue | undefined, after: DictValue | undefined) {
    this.key = key;
    this.#codec = codec;
    this.#before = before;
    this.#after = after;
  }

  get value(): unknown {
    return this.#after?.read(this.#codec);
  }

  get previous(): unknown {
    return this.#before?.read(this.#codec);
  }

  get changes(): readonly DictChange[] {
    return [this];
  }

  /** What stood at the key before an earlier change of the same operation, and stands there after this one. */
  since(earlier: ChangeRecord): ChangeRecord {
    return new ChangeRecord(this.#codec, this.key, earlier.#before, this.#after);
  }
}

/** The event of an operation on several keys. */
export class EventRecord implements DictEvent {
  readonly origin: ChangeOrigin;
  readonly changes: readonly ChangeRecord[];

  constructor(origin: ChangeOrigin, changes: readonly ChangeRecord[]) {
    this.origin = origin;
    this.changes = changes;
  }

  get key(): string {
    return this.#first.key;
  }

  get value(): unknown {
    return this.#first.value;
  }

  get previous(): unknown {
    return this.#first.previous;
  }

  get #first(): ChangeRecord {
    return this.changes[0] as ChangeRecord;
  }
}
