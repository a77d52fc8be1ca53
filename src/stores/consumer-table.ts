import type { ConsumerState } from "./queue-state.ts";

const NONE: ReadonlySet<ConsumerState> = new Set();

/** All open consumers, by number and by owner. */
export class ConsumerTable {
  readonly #byId = new Map<number, ConsumerState>();
  readonly #byOwner = new Map<string, Set<ConsumerState>>();

  get(id: number): ConsumerState | undefined {
    return this.#byId.get(id);
  }

  add(consumer: ConsumerState): void {
    this.#byId.set(consumer.id, consumer);
    const siblings = this.#byOwner.get(consumer.owner);
    if (siblings) siblings.add(consumer);
    else this.#byOwner.set(consumer.owner, new Set([consumer]));
  }

  remove(consumer: ConsumerState): void {
    this.#byId.delete(consumer.id);
    const siblings = this.#byOwner.get(consumer.owner);
    if (siblings?.delete(consumer) && siblings.size === 0) this.#byOwner.delete(consumer.owner);
  }

  of(owner: string): ReadonlySet<ConsumerState> {
    return this.#byOwner.get(owner) ?? NONE;
  }
}
