interface Edit {
  readonly at: number;
  /** Where what it replaces, or wraps, has its other end. */
  readonly other: number;
  readonly kind: 0 | 1 | 2;
  readonly text: string;
}

const [CLOSE, OPEN, REPLACE] = [0, 1, 2] as const;

/** At one place inner wraps close first and outer ones open first; then comes what stands there. */
function inOrder(a: Edit, b: Edit): number {
  return a.at - b.at || a.kind - b.kind || b.other - a.other;
}

/** Changes to a text, given by positions in the original, in any order. */
export class TextEdits {
  readonly #edits: Edit[] = [];

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ at: start, other: end, kind: REPLACE, text });
  }

  wrap(start: number, end: number, before: string, after: string): void {
    this.#edits.push({ at: start, other: end, kind: OPEN, text: before });
    this.#edits.push({ at: end, other: start, kind: CLOSE, text: after });
  }

  applyTo(original: string): string {
    let result = "";
    let done = 0;
    for (const { at, other, kind, text } of this.#edits.sort(inOrder)) {
      result += original.slice(done, at) + text;
      done = kind === REPLACE ? other : at;
    }
    return result + original.slice(done);
  }
}
