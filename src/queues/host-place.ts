import type { Consumer, ConsumerSink, Delivery } from "../stores/store.ts";
import type { QueueHost } from "./queue-host.ts";

/** Who stands at a place, on the host's side. */
export interface HostGetter {
  /** False: it cannot take anything now, until `resume()`. */
  item(delivery: Delivery): boolean;
  nothing(): void;
  end(): void;
}

/** A place in the line of a queue: credits, and the items that come for them. */
export class HostPlace implements ConsumerSink {
  readonly queue: string;
  readonly #host: QueueHost;
  readonly #owner: string;
  readonly #getter: HostGetter;
  /** Made by the first demand: a place that only puts costs the store nothing. */
  #consumer: Consumer | undefined;
  /** Credits in the store. */
  #credits = 0;
  /** Credits taken out of the store while the getter cannot take anything. */
  #held = 0;
  #isHolding = false;

  constructor(host: QueueHost, queue: string, owner: string, getter: HostGetter) {
    this.#host = host;
    this.queue = queue;
    this.#owner = owner;
    this.#getter = getter;
  }

  /** Unused credits. */
  get credits(): number {
    return this.#credits + this.#held;
  }

  demand(count: number): void {
    if (this.#isHolding) {
      this.#held += count;
      return;
    }
    this.#credits += count;
    this.#consumer ??= this.#host.consume(this.queue, this.#owner, this);
    this.#consumer.demand(count);
  }

  /** Takes one credit back, and says `nothing` unless an item has been given for it. */
  withdraw(): void {
    if (this.#held > 0) {
      this.#held--;
      this.#getter.nothing();
      return;
    }
    this.#withdrawn(1, (count) => {
      if (count > 0) this.#getter.nothing();
    });
  }

  /** The getter takes items again. */
  resume(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.demand(held);
  }

  close(): void {
    this.#consumer?.close();
  }

  item(delivery: Delivery): void {
    this.#credits--;
    if (!this.#isHolding && this.#getter.item(delivery)) return;
    this.#held++;
    if (!this.#isHolding) {
      this.#isHolding = true;
      // Before the item goes back: it would be given to this place's next credit.
      this.#withdrawn(this.#credits, (count) => {
        if (this.#isHolding) this.#held += count;
        else if (count > 0) this.demand(count);
      });
    }
    this.#host.giveBack(delivery.token);
  }

  end(): void {
    this.#getter.end();
  }

  #withdrawn(count: number, then: (count: number) => void): void {
    if (!this.#consumer || this.#credits === 0) return;
    const answer = this.#consumer.withdraw(count);
    const settle = (withdrawn: number): void => {
      this.#credits -= withdrawn;
      then(withdrawn);
    };
    if (answer instanceof Promise) void answer.then(settle);
    else settle(answer);
  }
}
