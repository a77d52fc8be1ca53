const DATE_SETTERS = Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith("set"));
const MAP_GUARDS = guards(["set", "delete", "clear"]);
const SET_GUARDS = guards(["add", "delete", "clear"]);
const DATE_GUARDS = guards(DATE_SETTERS);

/**
 * Freezes a decoded value through and through. `Object.freeze` does not reach the content of a Map, Set or Date:
 * their changing methods are replaced by ones that throw.
 *
 * @returns false when there is something inside that cannot be frozen: a typed array, an ArrayBuffer, a DataView, a RegExp with flag g or y
 */
export function deepFreeze(value: unknown): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return true;
  if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) return freezePlain(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return false;
  // These write to themselves when they are used.
  if (value instanceof RegExp && (value.global || value.sticky)) return false;
  // Frozen before its parts are looked at: a cycle ends here.
  if (Object.isFrozen(value)) return true;
  let isWhole = true;
  if (value instanceof Map) {
    Object.defineProperties(value, MAP_GUARDS);
    Object.freeze(value);
    for (const [key, item] of value) isWhole = both(isWhole, deepFreeze(key), deepFreeze(item));
  } else if (value instanceof Set) {
    Object.defineProperties(value, SET_GUARDS);
    Object.freeze(value);
    for (const item of value) isWhole = both(isWhole, deepFreeze(item));
  } else if (value instanceof Date) Object.defineProperties(value, DATE_GUARDS);
  Object.freeze(value);
  for (const key of Object.getOwnPropertyNames(value)) {
    const part = Object.getOwnPropertyDescriptor(value, key)?.value as unknown;
    isWhole = both(isWhole, deepFreeze(part));
  }
  return isWhole;
}

/** Nearly all values: what was decoded into them are plain enumerable properties. */
function freezePlain(value: object): boolean {
  if (Object.isFrozen(value)) return true;
  Object.freeze(value);
  let isWhole = true;
  for (const key of Object.keys(value)) {
    const part = (value as Record<string, unknown>)[key];
    if ((typeof part === "object" || typeof part === "function") && !deepFreeze(part)) isWhole = false;
  }
  return isWhole;
}

function both(...parts: readonly boolean[]): boolean {
  return !parts.includes(false);
}

function guards(methods: readonly string[]): PropertyDescriptorMap {
  const refuse = (): never => {
    throw new TypeError(
      "a value read from a shared dict is frozen: change it with dict.mutate(key, recipe), or set a new one",
    );
  };
  return Object.fromEntries(methods.map((name) => [name, { value: refuse, enumerable: false }]));
}
