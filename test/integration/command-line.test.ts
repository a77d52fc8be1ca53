import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Client, ERROR_CODES, Key, Server } from "../../src/index.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = join(ROOT, "dist/connector.js");

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], env: Record<string, string>, cwd = ROOT): Outcome {
  const options = { encoding: "utf8", timeout: 60_000, cwd, env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(command, args, options);
  return { status, stdout, stderr };
}

function home(): { env: Record<string, string>; file: string } {
  const folder = temporaryFolder();
  return {
    env: { XDG_CONFIG_HOME: folder, XDG_RUNTIME_DIR: folder },
    file: join(folder, "connector", "key"),
  };
}

function connector(env: Record<string, string>, ...args: string[]): Outcome {
  return run(process.execPath, [PROGRAM, ...args], env);
}

/** One line that a person can read, and nothing for those who take the key from the output. */
function expectRefusal({ status, stdout, stderr }: Outcome, text: string | RegExp): void {
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(/^connector: [^\n]+\n$/);
  expect(stderr).toMatch(text);
}

describe("connector key", () => {
  it("makes the key file where there is none, and prints the same key from then on, alone on its line", () => {
    const { env, file } = home();
    const first = connector(env, "key");
    expect(first).toEqual({ status: 0, stdout: readFileSync(file, "utf8"), stderr: "" });
    expect(Key.parse(first.stdout).reveal()).toBe(first.stdout.trimEnd());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(connector(env, "key")).toEqual(first);
  });

  it("prints the key with which a server of this user lets clients in", async () => {
    const { env } = home();
    const key = connector(env, "key").stdout.trim();
    await using server = new Server({ host: "127.0.0.1", key });
    await server.listen();
    await using client = new Client({ key: connector(env, "key").stdout });
    await client.connect(server.url ?? "");
    expect(client.state).toBe("open");
  });

  it("prints what CONNECTOR_KEY has, as programs take it, and makes no file then", () => {
    const { env, file } = home();
    const key = Key.generate().reveal();
    expect(connector({ ...env, CONNECTOR_KEY: key }, "key").stdout).toBe(`${key}\n`);
    expect(() => statSync(file)).toThrow("ENOENT");
    const refused = connector({ ...env, CONNECTOR_KEY: "my secret" }, "key");
    expectRefusal(refused, "the environment variable CONNECTOR_KEY is no key");
    expect(refused.stderr).not.toContain("my secret");
  });

  it.each<[string, (file: string) => void, RegExp]>([
    ["others may read", (file) => chmodSync(file, 0o644), /others may use it \(mode 644\): chmod 600 /],
    ["is damaged", (file) => writeFileSync(file, "cnk_abc\n"), /what is in the key file .* is a damaged key/],
    ["is empty", (file) => writeFileSync(file, ""), /it is empty: rm /],
  ])("does not print a key file that %s, and says what to do", (_, spoil, text) => {
    const { env, file } = home();
    connector(env, "key");
    spoil(file);
    expectRefusal(connector(env, "key"), text);
  });

  it("says so where the file cannot be made", () => {
    const { env, file } = home();
    writeFileSync(dirname(file), "a file where the folder should be");
    expectRefusal(connector(env, "key"), "the key file");
  });
});

describe("connector key new", () => {
  it("prints another key each time, and touches no file", () => {
    const { env, file } = home();
    const keys = [1, 2].map(() => connector(env, "key", "new"));
    for (const { status, stdout, stderr } of keys) {
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(`${Key.parse(stdout).reveal()}\n`).toBe(stdout);
    }
    expect(keys[0]?.stdout).not.toBe(keys[1]?.stdout);
    expect(() => statSync(dirname(file))).toThrow("ENOENT");
  });
});

describe("connector key path", () => {
  it("prints where the key file is to be, and makes none", () => {
    const { env, file } = home();
    expect(connector(env, "key", "path")).toEqual({ status: 0, stdout: `${file}\n`, stderr: "" });
    expect(() => statSync(dirname(file))).toThrow("ENOENT");
  });
});

describe("connector", () => {
  it.each([["--help"], ["-h"], ["help"], ["key", "--help"], ["key", "new", "-h"]])(
    "explains each command, and does none: %s %s",
    (...args) => {
      const { env, file } = home();
      const { status, stdout, stderr } = connector(env, ...args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      for (const command of ["connector key ", "connector key new", "connector key path"])
        expect(stdout).toContain(command);
      expect(() => statSync(dirname(file))).toThrow("ENOENT");
    },
  );

  it("refuses what is no command in one line, and does not repeat what may be a key", () => {
    const { env } = home();
    expectRefusal(connector(env), "a command is missing: see connector --help");
    expectRefusal(connector(env, "constructor"), 'there is no command "constructor"');
    expectRefusal(connector(env, "key", "new", "path"), "too many words");
    const secret = Key.generate().reveal();
    const refused = connector(env, "key", secret);
    expectRefusal(refused, "`new` or `path`");
    expect(refused.stderr).not.toContain(secret);
  });

  it.runIf(process.platform === "linux")("fails readably where its output cannot be written", () => {
    const { env } = home();
    const outcome = run("sh", ["-c", `"${process.execPath}" "${PROGRAM}" key new > /dev/full`], env);
    expectRefusal(outcome, "ENOSPC");
  });

  it("is the only command that errors name, and they name ones that it has", () => {
    const named = Object.values(ERROR_CODES).flatMap(({ text }) => [
      ...text.matchAll(/`([^`]*\bconnector key[^`]*)`/g),
    ]);
    expect(new Set(named.map(([, command]) => command))).toEqual(
      new Set(["npx tcp-connector key", "npx tcp-connector key new"]),
    );
  });

  it("runs by npx where the package is installed, under its own name and that of the package", {
    timeout: 120_000,
  }, () => {
    const { env } = home();
    const folder = temporaryFolder();
    // Nothing is asked of a registry: the one dependency is packed as this checkout has it.
    const offline = { ...env, npm_config_offline: "true", npm_config_audit: "false" };
    const sources = [ROOT, join(ROOT, "node_modules/acorn")];
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder, ...sources];
    const packed = JSON.parse(run("npm", pack, offline).stdout) as { name: string; filename: string }[];
    const dependencies = Object.fromEntries(packed.map(({ name, filename }) => [name, `file:./${filename}`]));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
    const installed = run("npm", ["install", "--no-package-lock"], offline, folder);
    expect(installed.status, installed.stderr).toBe(0);
    const key = run("npx", ["--no", "connector", "key"], offline, folder);
    expect(key).toMatchObject({ status: 0, stdout: connector(env, "key").stdout });
    expect(run("npx", ["--no", "tcp-connector", "key"], offline, folder)).toMatchObject({
      status: 0,
      stdout: key.stdout,
    });
  });

  it("runs by npx in the checkout", { timeout: 60_000 }, () => {
    const { env, file } = home();
    expect(run("npx", ["--no", "connector", "key", "path"], env)).toMatchObject({
      status: 0,
      stdout: `${file}\n`,
    });
  });

  it("runs where it is reached over a link, as package managers make them", () => {
    const { env } = home();
    const link = join(temporaryFolder(), "connector");
    symlinkSync(PROGRAM, link);
    expect(run(process.execPath, [link, "key"], env).stdout).toBe(connector(env, "key").stdout);
  });
});
