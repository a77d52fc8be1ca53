import { MemoryStore } from "../../src/stores/memory-store.ts";
import type { Awaitable, CommitResult, DictOp, Rev } from "../../src/stores/store.ts";
import type { SimulatedNetwork } from "./network.ts";

/** A store that applies commits, in the order of the calls, when the network brings them to it. */
export class LateStore extends MemoryStore {
  readonly #wire: (message: unknown) => void;

  constructor(network: SimulatedNetwork) {
    super();
    this.#wire = network.wire("store", (apply) => (apply as () => void)());
  }

  override commit(ops: readonly DictOp[], origin: string): Awaitable<CommitResult> {
    return this.#later(() => super.commit(ops, origin));
  }

  override barrier(): Awaitable<Rev> {
    return this.#later(() => super.barrier());
  }

  #later<T>(apply: () => Awaitable<T>): Promise<T> {
    return new Promise((resolve) => this.#wire(() => resolve(apply())));
  }
}
