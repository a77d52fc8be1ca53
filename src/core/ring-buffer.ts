/** A first-in, first-out list that grows by doubling: adding and taking cost the same however long it is. */
export class RingBuffer<T> {
  #slots: (T | undefined)[] = new Array<T | undefined>(8).fill(undefined);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size++) & (this.#slots.length - 1)] = value;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    if (--this.#size === 0 && this.#slots.length > 1024) this.clear();
    return value;
  }

  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  clear(): void {
    this.#slots = new Array<T | undefined>(8).fill(undefined);
    this.#head = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let n = 0; n < this.#size; n++) yield this.#slots[(this.#head + n) & (this.#slots.length - 1)] as T;
  }

  #grow(): void {
    const slots = new Array<T | undefined>(this.#slots.length * 2).fill(undefined);
    for (let n = 0; n < this.#size; n++) slots[n] = this.#slots[(this.#head + n) & (this.#slots.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
