const FEW = 32;

/** The containers of one value that were met so far. Most values have few: a list beats a set there. */
export class Visited {
  readonly #few: (object | undefined)[] = new Array<object | undefined>(FEW).fill(undefined);
  #count = 0;
  #many: Set<object> | undefined;

  /** False when it was there already. */
  add(container: object): boolean {
    if (this.#many) {
      const before = this.#many.size;
      this.#many.add(container);
      return this.#many.size > before;
    }
    for (let n = 0; n < this.#count; n++) if (this.#few[n] === container) return false;
    if (this.#count === FEW) this.#many = new Set(this.#few as object[]).add(container);
    else this.#few[this.#count++] = container;
    return true;
  }

  clear(): void {
    for (let n = 0; n < this.#count; n++) this.#few[n] = undefined;
    this.#count = 0;
    this.#many = undefined;
  }
}
