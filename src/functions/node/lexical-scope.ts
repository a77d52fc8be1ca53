/** The names declared at one place of a text, and those around it. */
export class Scope {
  readonly #names: ReadonlySet<string>;
  readonly #outer: Scope | undefined;

  constructor(names: Iterable<string>, outer?: Scope) {
    this.#names = new Set(names);
    this.#outer = outer;
  }

  has(name: string): boolean {
    return this.#names.has(name) || (this.#outer?.has(name) ?? false);
  }
}

/** Where an analysis stands. */
export interface Place {
  readonly scope: Scope;
  /** Whether `this` (and `super`) still mean those of the code around what is analysed. */
  readonly outerThis: boolean;
  readonly outerSuper: boolean;
}
