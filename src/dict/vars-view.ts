import type { HasAnyMember, Loose } from "../core/loose.ts";
import type { LooseVars, SharedDict } from "./shared-dict.ts";

/** A dict as an object with nothing in it but your keys; of any type, where the dict has values of any type. */
export type VarsView<V extends object = LooseVars> =
  HasAnyMember<V> extends true ? Loose : { [K in keyof V & string]?: V[K] };

/** The language calls functions that it finds under these names: what came from elsewhere must not be run by an `await`. */
const CALLED_BY_THE_LANGUAGE: ReadonlySet<PropertyKey> = new Set(["then", "toJSON"]);

/**
 * Reads and writes a dict as a plain object: `vars.x`, `vars.x = 1`, `delete vars.x`, `"x" in vars`, `Object.keys(vars)`,
 * `{ ...vars }`, `JSON.stringify(vars)`. Any text is a key, also `get`, `constructor` and `__proto__`.
 * Only a function under `then` or `toJSON` does not show here, because `await` and `JSON.stringify` would call it:
 * `dict.get("then")` gives it.
 */
export function varsView<V extends object>(dict: SharedDict<V>): VarsView<V> {
  const loose = dict as unknown as SharedDict;
  const read = (key: PropertyKey): unknown => {
    if (typeof key !== "string") return key === Symbol.toPrimitive ? asText : undefined;
    const value: unknown = loose.get(key);
    return typeof value === "function" && CALLED_BY_THE_LANGUAGE.has(key) ? undefined : value;
  };
  // Node's console.log prints the target of a proxy, not the proxy: the target says what is in the dict.
  const target: object = Object.defineProperty(
    Object.create(null),
    Symbol.for("nodejs.util.inspect.custom"),
    {
      value: () => printed(loose),
      configurable: true,
    },
  );
  return new Proxy(target, {
    get: (_, key) => read(key),
    set(_, key, value) {
      if (typeof key !== "string") return false;
      loose.set(key, value);
      return true;
    },
    has: (_, key) => typeof key === "string" && loose.has(key),
    deleteProperty(_, key) {
      if (typeof key === "string") loose.delete(key);
      return true;
    },
    ownKeys: () => [...loose.keys()],
    getOwnPropertyDescriptor: (_, key) =>
      typeof key === "string" && loose.has(key)
        ? { value: read(key), writable: true, enumerable: true, configurable: true }
        : undefined,
    defineProperty: () => false,
    preventExtensions: () => false,
    setPrototypeOf: () => false,
  }) as VarsView<V>;
}

/** What can be read of it: printing must not throw where reading does. */
function printed(dict: SharedDict): unknown {
  try {
    return Object.fromEntries(dict);
  } catch (error) {
    return `[shared vars: ${error instanceof Error ? error.message : String(error)}]`;
  }
}

const asText = (): string => "[shared vars]";
