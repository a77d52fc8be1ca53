interface Item {
  readonly call: number;
  readonly priority: number;
}

interface Waiting {
  readonly call: number;
  readonly owner: string;
}

/** What a queue is to its users, in the plainest form: who puts what, who gets it, who waits. Calls have numbers; an item is its put's. */
export class QueueModel {
  /** What each call that has ended has said. */
  readonly said: string[] = [];
  readonly #bound: number;
  #items: Item[] = [];
  #getters: Waiting[] = [];
  #putters: (Waiting & Item)[] = [];
  #isClosed = false;

  constructor(bound: number) {
    this.#bound = bound;
  }

  isPending(call: number): boolean {
    return [...this.#getters, ...this.#putters].some((waiting) => waiting.call === call);
  }

  get(call: number, owner: string): void {
    this.#getters.push({ call, owner });
    this.#settle();
  }

  put(call: number, owner: string, priority: number): void {
    if (this.#isClosed) this.#say(call, "CNR_ERR_QUEUE_CLOSED");
    else this.#putters.push({ call, owner, priority });
    this.#settle();
  }

  tryGet(call: number): void {
    if (this.#isDrained) this.#say(call, "CNR_ERR_QUEUE_CLOSED");
    else this.#say(call, this.#take()?.call);
    this.#settle();
  }

  tryPut(call: number): void {
    if (this.#isClosed) this.#say(call, "CNR_ERR_QUEUE_CLOSED");
    else {
      const hasRoom = this.#items.length < this.#bound && this.#putters.length === 0;
      this.#say(call, hasRoom);
      if (hasRoom) this.#items.push({ call, priority: 0 });
    }
    this.#settle();
  }

  size(call: number): void {
    this.#say(call, this.#items.length);
  }

  clear(call: number): void {
    this.#say(call, this.#items.length);
    this.#items = [];
    this.#settle();
  }

  close(call: number): void {
    this.#isClosed = true;
    this.#say(call, undefined);
    for (const putter of this.#putters.splice(0)) this.#say(putter.call, "CNR_ERR_QUEUE_CLOSED");
    this.#settle();
  }

  abort(call: number): void {
    this.#leave((waiting) => waiting.call === call, "given up");
  }

  kill(owner: string): void {
    this.#leave((waiting) => waiting.owner === owner, "CNR_ERR_LINK_LOST");
  }

  get #isDrained(): boolean {
    return this.#isClosed && this.#items.length === 0;
  }

  #say(call: number, what: unknown): void {
    this.said.push(`${call}: ${String(what)}`);
  }

  #leave(isLeaving: (waiting: Waiting) => boolean, why: string): void {
    for (const waiting of [...this.#getters, ...this.#putters].filter(isLeaving))
      this.#say(waiting.call, why);
    this.#getters = this.#getters.filter((waiting) => !isLeaving(waiting));
    this.#putters = this.#putters.filter((waiting) => !isLeaving(waiting));
    this.#settle();
  }

  #take(): Item | undefined {
    const best = this.#items.reduce<Item | undefined>(
      (first, item) => (first && first.priority >= item.priority ? first : item),
      undefined,
    );
    if (best) this.#items.splice(this.#items.indexOf(best), 1);
    return best;
  }

  #settle(): void {
    for (;;) {
      if (this.#putters.length > 0 && this.#items.length < this.#bound) {
        const { call, priority } = this.#putters.shift() as Item;
        this.#items.push({ call, priority });
        this.#say(call, undefined);
      } else if (this.#getters.length > 0 && this.#items.length > 0) {
        this.#say((this.#getters.shift() as Waiting).call, this.#take()?.call);
      } else break;
    }
    if (this.#isDrained)
      for (const { call } of this.#getters.splice(0)) this.#say(call, "CNR_ERR_QUEUE_CLOSED");
  }
}
