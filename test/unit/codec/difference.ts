/**
 * Where two values differ, or undefined: every bit, the order of keys, the prototypes,
 * and which places hold one and the same object.
 */
export function difference(a: unknown, b: unknown): string | undefined {
  return new Comparison().compare(a, b, "value");
}

class Comparison {
  readonly #pairs = new Map<object, object>();
  readonly #backwards = new Map<object, object>();

  compare(a: unknown, b: unknown, path: string): string | undefined {
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
      return Object.is(a, b) ? undefined : `${path}: ${String(a)} against ${String(b)}`;
    }
    const known = this.#pairs.get(a);
    if (known || this.#backwards.has(b)) return known === b ? undefined : `${path}: shared differently`;
    this.#pairs.set(a, b);
    this.#backwards.set(b, a);
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: another prototype`;
    return this.#contents(a, b, path);
  }

  #contents(a: object, b: object, path: string): string | undefined {
    if (a instanceof Map && b instanceof Map)
      return this.#lists([...a].flat(), [...b].flat(), `${path} (map)`);
    if (a instanceof Set && b instanceof Set) return this.#lists([...a], [...b], `${path} (set)`);
    if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) return this.#bytes(a, b, path);
    if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) return this.#bytes(bufferOf(a), bufferOf(b), path);
    if (a instanceof Error && b instanceof Error) return this.#errors(a, b, path);
    const [left, right] = [primitiveOf(a), primitiveOf(b)];
    if (!Object.is(left, right)) return `${path}: ${String(left)} against ${String(right)}`;
    return this.#properties(a, b, path);
  }

  #properties(a: object, b: object, path: string): string | undefined {
    const [left, right] = [Object.keys(a), Object.keys(b)];
    if (left.join("\0") !== right.join("\0")) return `${path}: keys ${left.join()} against ${right.join()}`;
    if (Array.isArray(a) && a.length !== (b as unknown[]).length) return `${path}: another length`;
    for (const key of left) {
      const found = this.compare(a[key as keyof object], b[key as keyof object], `${path}.${key}`);
      if (found) return found;
    }
    return undefined;
  }

  #errors(a: Error, b: Error, path: string): string | undefined {
    for (const key of ["name", "message", "stack", "cause", "errors"] as const) {
      if (key in a !== key in b) return `${path}.${key}: only on one side`;
      const found = this.compare(a[key as keyof Error], b[key as keyof Error], `${path}.${key}`);
      if (found) return found;
    }
    return this.#properties(a, b, path);
  }

  #lists(a: readonly unknown[], b: readonly unknown[], path: string): string | undefined {
    if (a.length !== b.length) return `${path}: ${a.length} against ${b.length} elements`;
    for (let n = 0; n < a.length; n++) {
      const found = this.compare(a[n], b[n], `${path}[${n}]`);
      if (found) return found;
    }
    return undefined;
  }

  #bytes(a: ArrayBuffer, b: ArrayBuffer, path: string): string | undefined {
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0 ? undefined : `${path}: other bytes`;
  }
}

function bufferOf(view: ArrayBufferView): ArrayBuffer {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer;
}

/** What a date, a regular expression or a boxed primitive says; the same for everything else. */
function primitiveOf(value: object): unknown {
  if (value instanceof Date) return value.getTime();
  if (value instanceof RegExp) return `${value.source}/${value.flags}`;
  const isBoxed = [Number, String, Boolean, BigInt].some((type) => value instanceof type);
  return isBoxed ? value.valueOf() : undefined;
}
