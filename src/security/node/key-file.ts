import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { failure } from "../../core/errors.ts";
import { Key } from "../key.ts";

/** A key file is one line; what is much longer is something else. */
const MAX_FILE_BYTES = 1024;
/** Somebody may delete the file between its making and its reading; nobody does so for ever. */
const ATTEMPTS = 5;

/** Windows has none of these flags, nor owners and modes in this sense: there the user's profile folder protects the file. */
const READ: number = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const CREATE: number =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** `~/.config/connector/key`, or the same under `$XDG_CONFIG_HOME`. */
export function defaultKeyFile(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const configured = env["XDG_CONFIG_HOME"];
  // By its specification a relative path is to be ignored.
  const folder = configured && isAbsolute(configured) ? configured : join(homedir(), ".config");
  return join(folder, "connector", "key");
}

/**
 * The key in a file; undefined where there is no file. Throws `AuthenticationError` `CNR_ERR_KEY_FILE`, with the command that
 * repairs it, for a file that others can read or could have made, and what `Key.parse` throws for its text.
 */
export function readKeyFile(path: string): Key | undefined {
  let file: number;
  try {
    file = openSync(path, READ);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    // EMLINK: the same on some BSDs.
    if (code === "ELOOP" || code === "EMLINK") {
      const own = quoted(`${path}.own`);
      throw unusable(
        path,
        "it is a symbolic link",
        `cp ${quoted(path)} ${own} && chmod 600 ${own} && mv ${own} ${quoted(path)}`,
      );
    }
    throw unusable(path, `it cannot be read (${code})`, `ls -l ${quoted(path)}`, error);
  }
  try {
    check(path, fstatSync(file));
    const bytes = Buffer.alloc(MAX_FILE_BYTES);
    const text = bytes.toString("utf8", 0, readSync(file, bytes, 0, MAX_FILE_BYTES, 0));
    bytes.fill(0);
    return Key.parse(text, `what is in the key file ${path}`);
  } finally {
    closeSync(file);
  }
}

/**
 * The key in a file, which is made where it is missing. Of many programs that do so at once, one makes it, and all get the
 * same key. Throws as `readKeyFile` does, and `CNR_ERR_KEY_FILE` where it cannot be made.
 */
export function readOrCreateKeyFile(path: string): Key {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const key = readKeyFile(path);
    if (key) return key;
    try {
      create(path);
    } catch (error) {
      throw unusable(
        path,
        `it cannot be made (${codeOf(error)})`,
        `mkdir -p -m 700 ${quoted(dirname(path))}`,
        error,
      );
    }
  }
  throw unusable(path, "it disappears as soon as it is made", `ls -l ${quoted(dirname(path))}`);
}

function create(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  const file = openSync(temporary, CREATE, 0o600);
  try {
    try {
      // Whatever the umask takes away.
      fchmodSync(file, 0o600);
      writeSync(file, `${Key.generate().reveal()}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    // Atomic, and unlike rename it never replaces: who comes second takes what the first has made.
    linkSync(temporary, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    unlinkSync(temporary);
  }
}

function check(path: string, stats: Stats): void {
  const name = quoted(path);
  if (stats.isDirectory()) throw unusable(path, "it is a directory", `mv ${name} ${quoted(`${path}.old`)}`);
  if (!stats.isFile()) throw unusable(path, "it is no regular file", `mv ${name} ${quoted(`${path}.old`)}`);
  const user = process.getuid?.();
  if (user !== undefined && stats.uid !== user) {
    throw unusable(
      path,
      `it belongs to user ${stats.uid}, this program runs as user ${user}`,
      `sudo chown ${user} ${name}`,
    );
  }
  const mode = stats.mode & 0o777;
  if (user !== undefined && (mode & 0o077) !== 0) {
    throw unusable(path, `others may use it (mode ${mode.toString(8)})`, `chmod 600 ${name}`);
  }
  if (stats.size === 0) throw unusable(path, "it is empty", `rm ${name}`);
  if (stats.size > MAX_FILE_BYTES)
    throw unusable(path, "it is too long for a key", `mv ${name} ${quoted(`${path}.old`)}`);
}

function unusable(path: string, reason: string, repair: string, ...cause: [cause?: unknown]): Error {
  return failure("CNR_ERR_KEY_FILE", { path, reason, repair }, ...cause);
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w./@%+,:=-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? error);
}
