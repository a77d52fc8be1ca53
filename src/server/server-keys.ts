import type { Key } from "../security/key.ts";
import { type HeldKey, KeyRing, type NamedKey } from "../security/key-ring.ts";
import { deriveKeys } from "../security/node/derived-keys.ts";
import { findKey } from "../security/node/find-key.ts";
import type { Grants } from "../security/policy.ts";
import type { FindKey } from "../transport/link-key.ts";

export interface ServerKeysOptions {
  readonly key: string | Key | false | undefined;
  readonly keys: Readonly<Record<string, NamedKey>> | undefined;
  /** What the holder of the main key may do. */
  readonly grants: Grants;
  readonly onRevoke: (held: HeldKey) => void;
  readonly onError: (error: unknown) => void;
}

/** For the server alone. */
export const ring: unique symbol = Symbol("ring");

/** The keys that a server takes, by name; the main key is looked for when it is first needed. */
export class ServerKeys {
  readonly #options: ServerKeysOptions;
  #ring: KeyRing | undefined;

  constructor(options: ServerKeysOptions) {
    this.#options = options;
    if (options.key === false && options.keys) throw keyless();
  }

  /**
   * Takes another key from now on, with what its holders may do: what `allow` does not name is not granted.
   *
   * Throws a `TypeError` for a name that is none or is taken, and for a key that has a name already; `AuthenticationError` for
   * a text that is no key.
   *
   * @example
   * server.keys.add("sensor", { key: process.env.SENSOR_KEY, allow: { data: true } });
   */
  add(name: string, key: NamedKey): void {
    this.#open().add(name, key);
  }

  /**
   * Takes a key no longer, and ends the links of its holders, who hear `CNR_ERR_KEY_REVOKED`.
   *
   * @returns whether there was a key of this name; throws a `TypeError` for `"main"`
   */
  revoke(name: string): boolean {
    return this.#open().revoke(name);
  }

  /** `"main"` first. */
  names(): string[] {
    return this.#open().names();
  }

  /** Undefined where the server runs without keys. */
  get [ring](): KeyRing | undefined {
    return this.#options.key === false ? undefined : this.#open();
  }

  #open(): KeyRing {
    if (this.#ring) return this.#ring;
    const { keys, grants, onRevoke, onError } = this.#options;
    const main = findKey({ key: this.#options.key, mayCreate: true });
    if (main === false) throw keyless();
    this.#ring = new KeyRing({ main, grants, keys, idOf: (key) => deriveKeys(key).id, onError });
    this.#ring.onRevoke(onRevoke);
    return this.#ring;
  }
}

/** How the transports look a key up, each time anew: it may be revoked meanwhile. */
export function keyFinder(keys: KeyRing): FindKey {
  return (id) => {
    const held = keys.get(id);
    return held && { name: held.name, key: deriveKeys(held.key) };
  };
}

function keyless(): TypeError {
  return new TypeError(
    "a server with `key: false` asks nobody for a key: leave `key: false` out to name keys",
  );
}
