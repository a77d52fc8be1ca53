import { hkdfSync } from "node:crypto";
import { identify, KEY_PREFIX, type Key } from "../key.ts";

/** What a key is used for: each purpose has bytes of its own, so that none gives away another or the key. */
export interface DerivedKeys {
  /** Names the key on the wire, in clear: it tells nothing about the key. */
  readonly id: string;
  /** The pre-shared key of TLS: 32 bytes. */
  readonly tlsPsk: Uint8Array;
  /** Proves the key over a Unix socket: 32 bytes. */
  readonly unixAuth: Uint8Array;
}

const ID_BYTES = 9;
const SECRET_BYTES = 32;
const SALT = new Uint8Array(32);

const derived = new WeakMap<Key, DerivedKeys>();

/** HKDF-SHA256 of the key, computed once for each key. */
export function deriveKeys(key: Key): DerivedKeys {
  const known = derived.get(key);
  if (known) return known;
  const secret = Buffer.from(key.reveal().slice(KEY_PREFIX.length), "base64url");
  const expand = (purpose: string, bytes: number): Uint8Array =>
    new Uint8Array(hkdfSync("sha256", secret, SALT, `connector/1 ${purpose}`, bytes));
  const id = Buffer.from(expand("id", ID_BYTES)).toString("base64url");
  // Whoever prints or serializes this sees the id alone.
  const keys = Object.defineProperties({ id } as DerivedKeys, {
    tlsPsk: { value: expand("tls psk", SECRET_BYTES) },
    unixAuth: { value: expand("unix auth", SECRET_BYTES) },
  });
  secret.fill(0);
  key[identify](id);
  derived.set(key, keys);
  return keys;
}
