import { failure } from "../../core/errors.ts";
import { Key } from "../key.ts";
import { defaultKeyFile, readKeyFile, readOrCreateKeyFile } from "./key-file.ts";

/** Where a key may be, in the order in which it is looked for. */
export interface KeySources {
  /** The option: a key, its text, or false for none at all. */
  readonly key?: string | Key | false | undefined;
  /** What `connect` was given: a key may stand behind its `#`. */
  readonly url?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly file?: string | undefined;
  /**
   * Whether a key may be made where none is found: a server may, and a client of the same machine. A client of another
   * machine may not, for a key that its server has not is of no use.
   */
  readonly mayCreate: boolean;
}

/**
 * The key of a server or a client: option `key`, the URL, `CONNECTOR_KEY`, the key file.
 *
 * @returns false where the option says so. Throws `AuthenticationError`: `CNR_ERR_KEY_MISSING`, naming the ways to give one;
 *   `CNR_ERR_KEY_WEAK` and `CNR_ERR_KEY_MALFORMED` for a text that is none; `CNR_ERR_KEY_FILE` for a file that is not safe
 */
export function findKey(sources: Omit<KeySources, "key">): Key;
export function findKey(sources: KeySources): Key | false;
export function findKey({ key, url, env = process.env, file, mayCreate }: KeySources): Key | false {
  if (key === false) return false;
  if (key !== undefined) return key instanceof Key ? key : Key.parse(key, "the option `key`");
  const inUrl = keyTextOf(url);
  if (inUrl) return Key.parse(inUrl, "what stands behind the # of the URL");
  const inEnvironment = env["CONNECTOR_KEY"]?.trim();
  // A variable that is set to nothing is how a shell takes it back.
  if (inEnvironment) return Key.parse(inEnvironment, "the environment variable CONNECTOR_KEY");
  const path = file ?? defaultKeyFile(env);
  const found = mayCreate ? readOrCreateKeyFile(path) : readKeyFile(path);
  if (!found) throw failure("CNR_ERR_KEY_MISSING", { path });
  return found;
}

/** Behind the #, which no program sends on or writes into its log. */
function keyTextOf(url: string | undefined): string | undefined {
  const at = url?.indexOf("#") ?? -1;
  return at < 0 ? undefined : url?.slice(at + 1).trim();
}
