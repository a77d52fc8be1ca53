import { Key } from "../../security/key.ts";
import { findKey } from "../../security/node/find-key.ts";
import { defaultKeyFile } from "../../security/node/key-file.ts";
import { UsageError } from "../usage-error.ts";

export const KEY_USAGE = `  connector key         prints the key that programs of this user share: CONNECTOR_KEY, else the
                        key file, which is made where it is missing. Whoever has the key can connect
  connector key new     prints a new key, and stores it nowhere
  connector key path    prints where the key file is, whether or not there is one`;

/**
 * The key to copy to another machine, a new one, or the place of the key file.
 *
 * @returns a line to print; throws `AuthenticationError` as `findKey` does, and `UsageError`
 */
export function key(args: readonly string[]): string {
  const [what = "", ...rest] = args;
  if (rest.length > 0) throw new UsageError("too many words after `connector key`");
  switch (what) {
    case "":
      return `${findKey({ mayCreate: true }).reveal()}\n`;
    case "new":
      return `${Key.generate().reveal()}\n`;
    case "path":
      return `${defaultKeyFile()}\n`;
    default:
      // It may be a key that somebody wants to store in this way: it is not repeated.
      throw new UsageError("after `connector key` comes nothing, `new` or `path`");
  }
}
