/** More shapes than this are no shapes but data: the rest travels as plain maps. */
export const MAX_SHAPES = 256;
const MAX_KEYS = 64;
/** Both sides keep the keys as long as the link lives. */
const MAX_KEY_CHARACTERS = 256;
const MAX_CANDIDATES = 1024;

export interface Shape {
  readonly keys: readonly string[];
  /** The number that both sides know it by, or -1 while it was seen only once. */
  id: number;
}

/**
 * The shapes (lists of keys, in order) of the objects that one side of a link has sent: from its second
 * appearance on, a shape is known to the other side by a number, and its keys do not travel again.
 */
export class ShapeTable {
  readonly #defined: Shape[] = [];
  #candidates = 0;
  /** By first key, then by number of keys: few are left to compare. */
  #byFirstKey = new Map<string, (Shape[] | undefined)[]>();

  get size(): number {
    return this.#defined.length;
  }

  /** Whether objects with these keys may be sent as a shape at all. */
  static accepts(keys: readonly string[]): boolean {
    return (
      keys.length > 0 && keys.length <= MAX_KEYS && keys.every((key) => key.length <= MAX_KEY_CHARACTERS)
    );
  }

  /** The shape of these keys; undefined when it is not worth a number (yet). */
  find(keys: readonly string[]): Shape | undefined {
    const first = keys[0];
    if (first === undefined || keys.length > MAX_KEYS) return undefined;
    const known = this.#byFirstKey.get(first)?.[keys.length];
    if (known) {
      for (const shape of known) {
        if (!sameKeys(shape.keys, keys)) continue;
        return shape.id >= 0 || this.#defined.length < MAX_SHAPES ? shape : undefined;
      }
    }
    this.#remember(first, keys);
    return undefined;
  }

  /** Gives a shape its number; the caller tells the other side. */
  define(shape: Shape): void {
    shape.id = this.#defined.push(shape) - 1;
  }

  /** Forgets the numbers given since the table had this size: the other side will not hear of them. */
  rollBack(size: number): void {
    for (const shape of this.#defined.splice(size)) shape.id = -1;
  }

  #remember(first: string, keys: readonly string[]): void {
    if (this.#defined.length >= MAX_SHAPES || !ShapeTable.accepts(keys)) return;
    if (this.#candidates++ >= MAX_CANDIDATES) this.#dropCandidates();
    this.#file(first, { keys, id: -1 });
  }

  /** Objects used as dictionaries have a new shape each time: what was seen once must not pile up. */
  #dropCandidates(): void {
    this.#candidates = 0;
    this.#byFirstKey = new Map();
    for (const shape of this.#defined) {
      this.#file(shape.keys[0] as string, shape);
    }
  }

  #file(first: string, shape: Shape): void {
    const byLength = this.#byFirstKey.get(first) ?? [];
    this.#byFirstKey.set(first, byLength);
    const alike = byLength[shape.keys.length] ?? [];
    byLength[shape.keys.length] = alike;
    alike.push(shape);
  }
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  for (let n = 0; n < b.length; n++) if (a[n] !== b[n]) return false;
  return true;
}
