/** Credits that one demand call added and that are still unused. */
interface Waiter<C> {
  readonly consumer: C;
  credits: number;
  ahead: Waiter<C> | undefined;
  behind: Waiter<C> | undefined;
  /** The same consumer's next older and next newer waiter. */
  older: Waiter<C> | undefined;
  newer: Waiter<C> | undefined;
}

/** What a consumer needs in order to stand in a line: its own newest waiter, where withdrawing begins. */
export interface Waiting<C> {
  newest: Waiter<C> | undefined;
}

/** Still exact when somebody asks without limit, twice. */
function join(waiter: Waiter<unknown>, credits: number): void {
  waiter.credits = Math.min(waiter.credits + credits, Number.MAX_SAFE_INTEGER);
}

/** Who waits for the items of one queue, in the order of asking. Each step costs the same however long the line is. */
export class WaiterLine<C extends Waiting<C>> {
  #first: Waiter<C> | undefined;
  #last: Waiter<C> | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(consumer: C, credits: number): void {
    if (credits <= 0) return;
    const last = this.#last;
    if (last?.consumer === consumer) {
      join(last, credits);
      return;
    }
    const older = consumer.newest;
    const waiter: Waiter<C> = { consumer, credits, ahead: last, behind: undefined, older, newer: undefined };
    if (older) older.newer = waiter;
    consumer.newest = waiter;
    if (last) last.behind = waiter;
    else this.#first = waiter;
    this.#last = waiter;
  }

  /** Uses one credit of the waiter at the front. */
  serve(): C | undefined {
    const first = this.#first;
    if (!first) return undefined;
    if (--first.credits === 0) this.#remove(first);
    return first.consumer;
  }

  /** Takes up to `credits` of the consumer's newest credits away. Answers how many there were. */
  withdraw(consumer: C, credits: number): number {
    let taken = 0;
    for (let waiter = consumer.newest; waiter && taken < credits; waiter = consumer.newest) {
      const count = Math.min(credits - taken, waiter.credits);
      taken += count;
      waiter.credits -= count;
      if (waiter.credits === 0) this.#remove(waiter);
    }
    return taken;
  }

  *[Symbol.iterator](): Generator<{ readonly consumer: C; readonly credits: number }> {
    for (let waiter = this.#first; waiter; waiter = waiter.behind) yield waiter;
  }

  #remove(waiter: Waiter<C>): void {
    const { ahead, behind, older, newer, consumer } = waiter;
    if (ahead) ahead.behind = behind;
    else this.#first = behind;
    if (behind) behind.ahead = ahead;
    else this.#last = ahead;
    if (older) older.newer = newer;
    if (newer) newer.older = older;
    else consumer.newest = older;
    // Neighbours of one consumer are one waiter, always: how a line came about must not show in it.
    if (ahead && behind && ahead.consumer === behind.consumer) {
      join(ahead, behind.credits);
      this.#remove(behind);
    }
  }
}
