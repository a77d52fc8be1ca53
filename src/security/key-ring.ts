import { callSafely } from "../core/emitter.ts";
import { Key } from "./key.ts";
import { type Grants, generalGrants, namedGrants } from "./policy.ts";

/** What the main key is called. */
export const MAIN_KEY = "main";

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** A key with a name, and what its holder may do. */
export interface NamedKey {
  readonly key: string | Key;
  /** What is not named here is not granted. */
  readonly allow?: Partial<Grants> | undefined;
}

/** A key of a ring: whoever has proved it goes by its name. */
export interface HeldKey {
  readonly name: string;
  readonly key: Key;
  readonly grants: Grants;
}

export interface KeyRingOptions {
  readonly main: Key;
  /** What the holder of the main key may do; named keys never grant more. */
  readonly grants?: Grants | undefined;
  readonly keys?: Readonly<Record<string, NamedKey>> | undefined;
  /** The public id of a key, by which it is named on the wire. */
  readonly idOf: (key: Key) => string;
  /** Hears what a listener of `onRevoke` throws. */
  readonly onError: (error: unknown) => void;
}

/** The keys that a server takes: the main key, and named ones that come and go while it runs. */
export class KeyRing {
  readonly #idOf: (key: Key) => string;
  readonly #onError: (error: unknown) => void;
  readonly #general: Grants;
  readonly #byId = new Map<string, HeldKey>();
  readonly #idByName = new Map<string, string>();
  readonly #listeners = new Set<(held: HeldKey) => unknown>();

  constructor({ main, grants = generalGrants(), keys = {}, idOf, onError }: KeyRingOptions) {
    this.#idOf = idOf;
    this.#onError = onError;
    this.#general = grants;
    this.#hold({ name: MAIN_KEY, key: main, grants });
    for (const [name, key] of Object.entries(keys)) this.add(name, key);
  }

  /** The key of an id that a stranger names; undefined where there is none. */
  get(id: string): HeldKey | undefined {
    return this.#byId.get(id);
  }

  /** The key of this name. */
  named(name: string): HeldKey | undefined {
    const id = this.#idByName.get(name);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  names(): string[] {
    return [...this.#idByName.keys()];
  }

  /**
   * Takes a key from now on. Throws a `TypeError` for a name that is none or is taken, and for a key that has a name already;
   * `AuthenticationError` for a text that is no key.
   *
   * @param name - 1 to 64 letters, digits, `-`, `_` and `.`, the first a letter or digit
   */
  add(name: string, { key, allow }: NamedKey): HeldKey {
    if (!NAME.test(name)) {
      throw new TypeError(
        "the name of a key is 1 to 64 letters, digits, `-`, `_` and `.`, the first a letter or digit",
      );
    }
    if (this.#idByName.has(name)) throw new TypeError(`there is a key "${name}" already`);
    const parsed = key instanceof Key ? key : Key.parse(key, `the key "${name}"`);
    return this.#hold({ name, key: parsed, grants: namedGrants(allow, this.#general) });
  }

  /**
   * Takes a key no longer, and tells the listeners, who end the links that have come with it.
   *
   * @returns whether there was a key of this name; throws a `TypeError` for the main key, which lasts as long as the ring
   */
  revoke(name: string): boolean {
    if (name === MAIN_KEY)
      throw new TypeError("the main key cannot be revoked: start the server with another");
    const id = this.#idByName.get(name);
    const held = this.named(name);
    if (id === undefined || !held) return false;
    this.#idByName.delete(name);
    this.#byId.delete(id);
    for (const listener of [...this.#listeners]) callSafely(listener, [held], this.#onError);
    return true;
  }

  /** Hears of each key that is revoked, when it is no longer taken. */
  onRevoke(listener: (held: HeldKey) => unknown): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #hold(held: HeldKey): HeldKey {
    const id = this.#idOf(held.key);
    const other = this.#byId.get(id);
    if (other)
      throw new TypeError(`the keys "${other.name}" and "${held.name}" are one: each name needs its own`);
    this.#byId.set(id, held);
    this.#idByName.set(held.name, id);
    return held;
  }
}
