type Pairs = Map<object, Set<object>>;

/** Whether two values are the same by content: plain objects, arrays, Map, Set, Date, RegExp, Error, binary data, cycles. */
export function deepEqual(a: unknown, b: unknown, seen: Pairs = new Map()): boolean {
  // Two NaN are the same here, and so are 0 and -0.
  if (a === b || Object.is(a, b)) return true;
  if (typeof a === "function" && typeof b === "function") return String(a) === String(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return false;
  const partners = seen.get(a) ?? new Set();
  // A cycle: the two have been found to be alike all the way round.
  if (partners.has(b)) return true;
  seen.set(a, partners.add(b));
  if (ArrayBuffer.isView(a)) return sameBytes(bytesOf(a), bytesOf(b as ArrayBufferView));
  if (a instanceof ArrayBuffer) return sameBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  return sameContent(a, b, seen) && sameProperties(a, b, seen);
}

function sameContent(a: object, b: object, seen: Pairs): boolean {
  if (a instanceof Map) return sameMap(a, b as Map<unknown, unknown>, seen);
  if (a instanceof Set) return sameSet(a, b as Set<unknown>, seen);
  if (a instanceof Error) return a.name === (b as Error).name && a.message === (b as Error).message;
  if (a instanceof RegExp) return String(a) === String(b);
  if (Array.isArray(a)) return a.length === (b as unknown[]).length;
  if (a instanceof Date || a instanceof Number || a instanceof String || a instanceof Boolean) {
    return deepEqual(a.valueOf(), (b as Date).valueOf(), seen);
  }
  return true;
}

function sameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>, seen: Pairs): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const twin = b.has(key)
      ? key
      : [...b.keys()].find((other) => isObject(other) && deepEqual(key, other, seen));
    if (!b.has(twin) || !deepEqual(value, b.get(twin), seen)) return false;
  }
  return true;
}

function sameSet(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>, seen: Pairs): boolean {
  if (a.size !== b.size) return false;
  for (const item of a) {
    if (b.has(item)) continue;
    if (![...b].some((other) => isObject(other) && deepEqual(item, other, seen))) return false;
  }
  return true;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, n) => byte === b[n]);
}

function sameProperties(a: object, b: object, seen: Pairs): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && deepEqual(Reflect.get(a, key), Reflect.get(b, key), seen),
  );
}
