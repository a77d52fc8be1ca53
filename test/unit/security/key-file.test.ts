import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuthenticationError, ConnectorError } from "../../../src/core/errors.ts";
import { Key } from "../../../src/security/key.ts";
import { defaultKeyFile, readKeyFile, readOrCreateKeyFile } from "../../../src/security/node/key-file.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "connector-key-"));
  path = join(folder, "connector", "key");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const modeOf = (name: string): string => (statSync(name).mode & 0o777).toString(8);

/** A key file as somebody may have left it. */
function put(text: string, mode = 0o600): void {
  mkdirSync(join(folder, "connector"), { recursive: true });
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}

function refusal(read: () => unknown = () => readKeyFile(path)): ConnectorError {
  try {
    read();
  } catch (error) {
    if (error instanceof ConnectorError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("a key file", () => {
  it("is made when it is missing, for its owner alone, in a folder for its owner alone", () => {
    expect(readKeyFile(path)).toBeUndefined();
    const key = readOrCreateKeyFile(path);
    expect(readFileSync(path, "utf8")).toBe(`${key.reveal()}\n`);
    expect([modeOf(path), modeOf(join(folder, "connector"))]).toEqual(["600", "700"]);
  });

  it("is read again by whoever comes later", () => {
    const key = readOrCreateKeyFile(path);
    expect(readOrCreateKeyFile(path).equals(key)).toBe(true);
    expect(readKeyFile(path)?.equals(key)).toBe(true);
  });

  it("leaves nothing else in its folder", () => {
    readOrCreateKeyFile(path);
    readOrCreateKeyFile(path);
    expect(readdirSync(join(folder, "connector"))).toEqual(["key"]);
  });

  it.each([0o000, 0o022, 0o077, 0o777])(
    "has mode 0600 under umask %o, and its folder 0700 at most",
    (umask) => {
      const before = process.umask(umask);
      try {
        if (umask === 0o777) mkdirSync(join(folder, "connector"));
        if (umask === 0o777) chmodSync(join(folder, "connector"), 0o700);
        readOrCreateKeyFile(path);
      } finally {
        process.umask(before);
      }
      expect(modeOf(path)).toBe("600");
      expect(Number.parseInt(modeOf(join(folder, "connector")), 8) & 0o077).toBe(0);
    },
  );

  it("may be written by hand, with any white space around the key", () => {
    const key = Key.generate();
    put(`\n  ${key.reveal()} \r\n`, 0o400);
    expect(readKeyFile(path)?.equals(key)).toBe(true);
  });
});

describe("a key file that is not safe", () => {
  it.each([0o604, 0o640, 0o644, 0o602, 0o620, 0o666, 0o601, 0o777])("is refused with mode %o", (mode) => {
    put(Key.generate().reveal(), mode);
    const error = refusal();
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe("CNR_ERR_KEY_FILE");
    expect(error.message).toContain(mode.toString(8));
    expect(error.details["repair"]).toBe(`chmod 600 ${path}`);
  });

  it("is taken after the command of its error has run", () => {
    const key = Key.generate();
    put(key.reveal(), 0o644);
    execFileSync("/bin/sh", ["-c", String(refusal().details["repair"])]);
    expect(readKeyFile(path)?.equals(key)).toBe(true);
  });

  it("is refused as a symbolic link, also one to a good key, until the command of its error has run", () => {
    const key = Key.generate();
    const target = join(folder, "elsewhere");
    writeFileSync(target, key.reveal(), { mode: 0o600 });
    mkdirSync(join(folder, "connector"));
    symlinkSync(target, path);
    const error = refusal();
    expect(error).toMatchObject({ code: "CNR_ERR_KEY_FILE" });
    expect(error.message).toContain("symbolic link");
    execFileSync("/bin/sh", ["-c", String(error.details["repair"])]);
    expect(readKeyFile(path)?.equals(key)).toBe(true);
  });

  it("is refused as a link that leads nowhere: nothing is made behind it", () => {
    const target = join(folder, "planted");
    mkdirSync(join(folder, "connector"));
    symlinkSync(target, path);
    expect(refusal(() => readOrCreateKeyFile(path)).message).toContain("symbolic link");
    expect(readdirSync(folder)).toEqual(["connector"]);
  });

  it("is refused when it belongs to somebody else", () => {
    put(Key.generate().reveal());
    const own = process.getuid;
    const user = (own?.call(process) ?? 0) + 1;
    process.getuid = () => user;
    try {
      const error = refusal();
      expect(error.code).toBe("CNR_ERR_KEY_FILE");
      expect(error.message).toContain("belongs to user");
      expect(error.details["repair"]).toBe(`sudo chown ${user} ${path}`);
    } finally {
      if (own) process.getuid = own;
    }
  });

  it("is refused as a directory", () => {
    mkdirSync(path, { recursive: true });
    expect(refusal().message).toContain("it is a directory");
  });

  it("is refused as a named pipe, without waiting for its writer", () => {
    mkdirSync(join(folder, "connector"));
    execFileSync("mkfifo", ["-m", "600", path]);
    expect(refusal().message).toContain("no regular file");
  });

  it("is refused when it is empty, or too long for a key", () => {
    put("");
    expect(refusal()).toMatchObject({ code: "CNR_ERR_KEY_FILE", details: { repair: `rm ${path}` } });
    put(`${Key.generate().reveal()}${" ".repeat(2000)}`);
    expect(refusal().message).toContain("too long");
  });

  it("is refused when a passphrase or a damaged key is in it, and its path is named", () => {
    put("a long passphrase of mine\n");
    expect(refusal()).toMatchObject({ code: "CNR_ERR_KEY_WEAK" });
    put(Key.generate().reveal().slice(0, 30));
    const error = refusal();
    expect(error.code).toBe("CNR_ERR_KEY_MALFORMED");
    expect(error.message).toContain(path);
  });

  it("is never overwritten, whatever is wrong with it", () => {
    for (const [text, mode] of [
      ["", 0o600],
      ["rubbish", 0o600],
      [Key.generate().reveal(), 0o644],
    ] as const) {
      put(text, mode);
      expect(() => readOrCreateKeyFile(path)).toThrow(AuthenticationError);
      expect(readFileSync(path, "utf8")).toBe(text);
      expect(readdirSync(join(folder, "connector"))).toEqual(["key"]);
      rmSync(path);
    }
  });

  it("is told with a command for paths that a shell would take apart", () => {
    path = join(folder, "it's a folder", "key");
    mkdirSync(join(folder, "it's a folder"));
    writeFileSync(path, Key.generate().reveal());
    chmodSync(path, 0o644);
    execFileSync("/bin/sh", ["-c", String(refusal().details["repair"])]);
    expect(readKeyFile(path)).toBeInstanceOf(Key);
  });

  it("never has its key in the error", () => {
    const key = Key.generate();
    for (const mode of [0o644, 0o666]) {
      put(key.reveal(), mode);
      expect(inspect(refusal(), { depth: 10, showHidden: true })).not.toContain(key.reveal().slice(4, 20));
    }
    put(`${key.reveal()}x`);
    expect(inspect(refusal(), { depth: 10, showHidden: true })).not.toContain(key.reveal().slice(4, 20));
  });
});

describe("a key file that cannot be made", () => {
  it("is told with the reason, where a file stands in the way of its folder", () => {
    writeFileSync(join(folder, "connector"), "a file");
    const error = refusal(() => readOrCreateKeyFile(path));
    expect(error.code).toBe("CNR_ERR_KEY_FILE");
    expect(error.message).toMatch(/ENOTDIR|EEXIST/);
    expect(error.message).toContain(path);
  });
});

describe("the place of the key file", () => {
  it("is ~/.config/connector/key", () => {
    expect(defaultKeyFile({})).toMatch(/^\/.*\/\.config\/connector\/key$/);
  });

  it("follows XDG_CONFIG_HOME, if that is an absolute path", () => {
    expect(defaultKeyFile({ XDG_CONFIG_HOME: "/etc/xdg" })).toBe("/etc/xdg/connector/key");
    for (const ignored of ["", "relative/path"]) {
      expect(defaultKeyFile({ XDG_CONFIG_HOME: ignored })).toBe(defaultKeyFile({}));
    }
  });
});
