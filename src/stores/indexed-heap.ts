/** A priority queue that can also drop an element from its middle: each element knows its slot, -1 when it is in no heap. */
export class IndexedHeap<T extends { slot: number }> {
  readonly #before: (a: T, b: T) => boolean;
  #elements: T[] = [];

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#elements.length;
  }

  peek(): T | undefined {
    return this.#elements[0];
  }

  push(element: T): void {
    this.#elements.push(element);
    this.#siftUp(element, this.#elements.length - 1);
  }

  pop(): T | undefined {
    const first = this.#elements[0];
    if (first) this.remove(first);
    return first;
  }

  remove(element: T): void {
    const slot = element.slot;
    if (slot < 0) return;
    element.slot = -1;
    const last = this.#elements.pop();
    if (last === undefined || last === element) return;
    this.#siftUp(last, slot);
    this.#siftDown(last, last.slot);
  }

  clear(): void {
    for (const element of this.#elements) element.slot = -1;
    this.#elements = [];
  }

  /** In no particular order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#elements.values();
  }

  inOrder(): T[] {
    return [...this.#elements].sort((a, b) => (this.#before(a, b) ? -1 : 1));
  }

  #siftUp(element: T, from: number): void {
    const elements = this.#elements;
    let slot = from;
    while (slot > 0) {
      const parent = elements[(slot - 1) >> 1] as T;
      if (!this.#before(element, parent)) break;
      elements[slot] = parent;
      parent.slot = slot;
      slot = (slot - 1) >> 1;
    }
    elements[slot] = element;
    element.slot = slot;
  }

  #siftDown(element: T, from: number): void {
    const elements = this.#elements;
    let slot = from;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= elements.length) break;
      if (child + 1 < elements.length && this.#before(elements[child + 1] as T, elements[child] as T))
        child++;
      const smaller = elements[child] as T;
      if (!this.#before(smaller, element)) break;
      elements[slot] = smaller;
      smaller.slot = slot;
      slot = child;
    }
    elements[slot] = element;
    element.slot = slot;
  }
}
