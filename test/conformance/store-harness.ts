import type {
  Consumer,
  Cursor,
  Delivery,
  DictEntry,
  DictOp,
  DictSink,
  Store,
} from "../../src/stores/store.ts";

/** What a suite needs of a store. One of this process alone is its own peer. */
export interface StoreUnderTest {
  readonly store: Store;
  /** A second server's store over the same data. */
  readonly peer: Store;
  /** Lets time pass, as the store sees it. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

export type MakeStore = (options: { readonly leaseMs: number }) => Promise<StoreUnderTest>;

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && new TextDecoder().decode(bytes);
export const set = (key: string, value: string, ifRev?: number): DictOp =>
  ifRev === undefined
    ? { kind: "set", key, value: bytesOf(value) }
    : { kind: "set", key, value: bytesOf(value), ifRev };
export const remove = (key: string, ifRev?: number): DictOp =>
  ifRev === undefined ? { kind: "delete", key } : { kind: "delete", key, ifRev };

/** A subscriber that keeps a copy by what it is told, and everything that it is told. */
export class Replica implements DictSink {
  readonly values: Map<string, string> = new Map();
  readonly revs: number[] = [];
  readonly changes: string[] = [];
  readonly origins: string[] = [];
  resets = 0;
  at: Cursor = { epoch: "", rev: -1 };

  reset(entries: Iterable<readonly [string, DictEntry]>, at: Cursor): void {
    this.values.clear();
    for (const [key, entry] of entries) this.values.set(key, textOf(entry.value) ?? "");
    this.at = at;
    this.resets++;
  }

  change(rev: number, ops: readonly DictOp[], origin: string): void {
    this.revs.push(rev);
    this.origins.push(origin);
    this.at = { epoch: this.at.epoch, rev };
    for (const op of ops) {
      if (op.kind === "set") this.values.set(op.key, textOf(op.value) ?? "");
      else if (op.kind === "delete") this.values.delete(op.key);
      else this.values.clear();
      const key = op.kind === "clear" ? "" : ` ${op.key}`;
      this.changes.push(`${rev} ${op.kind}${key}${op.kind === "set" ? `=${textOf(op.value)}` : ""}`);
    }
  }
}

/** A consumer that keeps what it is given. */
export class Getter {
  readonly deliveries: Delivery[] = [];
  readonly consumer: Consumer;
  ends = 0;

  constructor(
    store: Store,
    queue: string,
    credits: number,
    owner = "owner",
    onItem: (delivery: Delivery) => void = () => {},
  ) {
    this.consumer = store.consume(queue, owner, {
      item: (delivery) => {
        this.deliveries.push(delivery);
        onItem(delivery);
      },
      end: () => void this.ends++,
    });
    this.consumer.demand(credits);
  }

  get texts(): (string | undefined)[] {
    return this.deliveries.map((delivery) => textOf(delivery.body));
  }

  get attempts(): number[] {
    return this.deliveries.map((delivery) => delivery.attempt);
  }

  token(index: number): number {
    const delivery = this.deliveries.at(index);
    if (!delivery) throw new Error(`there is no delivery ${index}`);
    return delivery.token;
  }
}

/** Waits for what another server has to bring; a hang ends in a failure. */
export async function until({ elapse }: StoreUnderTest, isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 5000; tries++) {
    if (isTrue()) return;
    await elapse(1);
  }
  throw new Error(`never came true: ${isTrue.toString()}`);
}

export const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
