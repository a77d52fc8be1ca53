import { HeldMemory } from "../core/held-memory.ts";
import { areSame, type DictValue } from "./dict-value.ts";
import { PendingOperations } from "./pending-operations.ts";

/** What one side sees: the server's state, with its own pending operations played over it. */
export class ReplicaView {
  readonly pending: PendingOperations = new PendingOperations();
  /** Where the authority is in this process: the bytes that it keeps, so that both keep the same. */
  stored: ((key: string) => Uint8Array | undefined) | undefined;
  readonly #memory = new HeldMemory();
  readonly #server: Map<string, DictValue> = new Map();

  /** The server's state, as far as it is known here. */
  get server(): ReadonlyMap<string, DictValue> {
    return this.#server;
  }

  find(key: string): DictValue | undefined {
    const { overlay } = this.pending;
    if (overlay.size > 0) {
      const own = overlay.get(key);
      if (own) return own.bytes ? own : undefined;
    }
    return this.pending.hidesAll ? undefined : this.#server.get(key);
  }

  get size(): number {
    const { overlay, hidesAll } = this.pending;
    let size = hidesAll ? 0 : this.#server.size;
    for (const [key, own] of overlay) {
      const wasThere = !hidesAll && this.#server.has(key);
      if (own.bytes && !wasThere) size++;
      else if (!own.bytes && wasThere) size--;
    }
    return size;
  }

  /** Keys that the server has come first, in its order. */
  *entries(): Generator<[key: string, value: DictValue]> {
    const { overlay, hidesAll } = this.pending;
    if (!hidesAll) {
      for (const [key, value] of this.#server) {
        const own = overlay.get(key) ?? value;
        if (own.bytes) yield [key, own];
      }
    }
    for (const [key, own] of overlay) {
      if (own.bytes && (hidesAll || !this.#server.has(key))) yield [key, own];
    }
  }

  /** Takes what the server has for a key. */
  put(key: string, value: DictValue): void {
    const { bytes } = value;
    if (!bytes) {
      this.#server.delete(key);
      return;
    }
    this.#server.set(key, value);
    if (this.#memory.hold(bytes)) this.#move();
  }

  clear(): void {
    this.#server.clear();
  }

  /** The server's whole state. Values that are as they were stay the same objects. */
  reset(entries: Iterable<readonly [key: string, value: DictValue]>): void {
    const server = new Map<string, DictValue>();
    for (const [key, value] of entries) {
      const known = this.#server.get(key);
      server.set(key, known?.isSame(value) ? known : value);
    }
    this.#server.clear();
    for (const [key, value] of server) this.put(key, value);
  }

  #move(): void {
    const moved = this.#memory.move(this.#values());
    if (!moved) return;
    for (const [key, value] of this.#server) {
      const bytes = value.bytes as Uint8Array;
      const stored = this.stored?.(key);
      value.moveTo(stored && areSame(stored, bytes) ? stored : moved(bytes));
    }
  }

  *#values(): Generator<Uint8Array> {
    for (const { bytes } of this.#server.values()) yield bytes as Uint8Array;
  }
}
