import { lstatSync, mkdirSync, type Stats } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { failure } from "../../core/errors.ts";

/** What the system takes as the path of a Unix socket. */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** Where the servers of this user have their Unix sockets; undefined where the system has no such thing. */
export function defaultRunFolder(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  // Windows guards named pipes in another way; there TLS serves this machine too.
  if (process.getuid === undefined) return undefined;
  const [runtime, config] = [env["XDG_RUNTIME_DIR"], env["XDG_CONFIG_HOME"]];
  if (runtime && isAbsolute(runtime)) return join(runtime, "connector");
  return join(config && isAbsolute(config) ? config : join(homedir(), ".config"), "connector", "run");
}

/** The socket of the server at a port; undefined where the path is too long for one. */
export function socketPathOf(folder: string, port: number): string | undefined {
  const path = join(folder, `${port}.sock`);
  return Buffer.byteLength(path) <= MAX_PATH_BYTES ? path : undefined;
}

/** Whether only this user can have made what is in the folder. */
export function isSafeFolder(folder: string): boolean {
  return dangerOf(folder) === undefined;
}

/** Makes the folder where it is missing. Throws `CNR_ERR_RUN_FOLDER` where others may use it, or it is a link. */
export function makeRunFolder(folder: string): void {
  let reason: string | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    reason = dangerOf(folder);
  } catch (error) {
    reason = `it cannot be made (${(error as NodeJS.ErrnoException).code})`;
  }
  if (reason !== undefined) throw failure("CNR_ERR_RUN_FOLDER", { path: folder, reason });
}

function dangerOf(folder: string): string | undefined {
  const stats = look(folder);
  const user = process.getuid?.();
  if (!stats) return "it is not there";
  if (!stats.isDirectory()) return "it is a link or a file";
  if (stats.uid !== user) return `it belongs to user ${stats.uid}`;
  if ((stats.mode & 0o077) !== 0) return `others may use it (mode ${(stats.mode & 0o777).toString(8)})`;
  const parent = look(dirname(folder));
  // In a folder like /tmp nobody can move what belongs to others; in one that anyone may write to he can.
  const isOpen = !parent || ((parent.mode & 0o022) !== 0 && (parent.mode & 0o1000) === 0);
  return isOpen ? "others may replace it" : undefined;
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
