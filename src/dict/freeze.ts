const DATE_SETTERS = Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith("set"));
const MAP_GUARDS = guards(["set", "delete", "clear"]);
const SET_GUARDS = guards(["add", "delete", "clear"]);
const DATE_GUARDS = guards(DATE_SETTERS);

/**
 * Freezes one part of a decoded value. `Object.freeze` does not reach the content of a Map, Set or Date: their changing
 * methods are replaced by ones that throw.
 *
 * @returns false for what cannot be frozen: a typed array, an ArrayBuffer, a DataView, a RegExp with flag g or y
 */
export function freeze(part: object): boolean {
  if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) return false;
  // These write to themselves when they are used.
  if (part instanceof RegExp && (part.global || part.sticky)) return false;
  if (part instanceof Map) Object.defineProperties(part, MAP_GUARDS);
  else if (part instanceof Set) Object.defineProperties(part, SET_GUARDS);
  else if (part instanceof Date) Object.defineProperties(part, DATE_GUARDS);
  Object.freeze(part);
  return true;
}

function guards(methods: readonly string[]): PropertyDescriptorMap {
  const refuse = (): never => {
    throw new TypeError(
      "a value read from a shared dict is frozen: change it with dict.mutate(key, recipe), or set a new one",
    );
  };
  return Object.fromEntries(methods.map((name) => [name, { value: refuse, enumerable: false }]));
}
