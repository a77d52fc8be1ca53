import { failure } from "../core/errors.ts";
import { randomBytes } from "../core/ids.ts";
import { equalBytes } from "./constant-time.ts";

const KEY_BYTES = 32;
/** What the text of a key begins with: it tells a key from a passphrase, and lets scanners find one that was published by mistake. */
export const KEY_PREFIX = "cnk_";
const FORM = /^cnk_[A-Za-z0-9_-]{43}$/;
/** Of the 64 characters that a key is written in, a random one has about 31; fewer than 16 in one of 10^11. */
const MIN_DISTINCT_CHARACTERS = 16;

const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** For the library alone: tells a key the id that was derived from it, which is all that is ever printed. */
export const identify: unique symbol = Symbol("identify");

/**
 * The secret that server and clients share. Whoever has it can prove so to the others, and nobody else can. It prints as
 * `Key(id)`, where the id is public; only `reveal()` gives the secret.
 *
 * @example
 * const key = Key.generate();
 * const server = new Server({ key });
 */
export class Key {
  readonly #bytes: Uint8Array;
  /** Not known before the key is used: the platform derives it. */
  #id = "unused";

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A new key: 32 random bytes. */
  static generate(): Key {
    return new Key(randomBytes(KEY_BYTES));
  }

  /**
   * The key that a text is: `cnk_` and 43 characters, as `reveal()` gives it; white space around it is no matter.
   *
   * @param source - where the text is from, for the error, which never repeats the text itself
   *
   * Throws `AuthenticationError`: `CNR_ERR_KEY_WEAK` for a passphrase or what else could be guessed, `CNR_ERR_KEY_MALFORMED`
   * for a key that was cut or changed.
   */
  static parse(text: string, source = "the key"): Key {
    const trimmed = String(text).trim();
    if (!trimmed.startsWith(KEY_PREFIX)) throw failure("CNR_ERR_KEY_WEAK", { source });
    const bytes = FORM.test(trimmed) ? fromBase64Url(trimmed.slice(KEY_PREFIX.length)) : undefined;
    // The last character has two bits to spare: of the four texts that mean the same bytes, one is the key.
    if (!bytes || KEY_PREFIX + toBase64Url(bytes) !== trimmed)
      throw failure("CNR_ERR_KEY_MALFORMED", { source });
    if (new Set(trimmed.slice(KEY_PREFIX.length)).size < MIN_DISTINCT_CHARACTERS) {
      throw failure("CNR_ERR_KEY_WEAK", { source });
    }
    return new Key(bytes);
  }

  /** The secret itself, to be copied to another machine. */
  reveal(): string {
    return KEY_PREFIX + toBase64Url(this.#bytes);
  }

  /** Whether both are the same secret; how long it takes does not depend on where they differ. */
  equals(other: Key): boolean {
    return equalBytes(this.#bytes, other.#bytes);
  }

  toString(): string {
    return `Key(${this.#id})`;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return this.toString();
  }

  [identify](id: string): void {
    this.#id = id;
  }
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
