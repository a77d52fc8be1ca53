import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  defaultRunFolder,
  isSafeFolder,
  makeRunFolder,
  socketPathOf,
} from "../../../src/transport/node/run-folder.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";

describe("the folder of Unix sockets", () => {
  it("is the user's own: the session's where there is one", () => {
    expect(defaultRunFolder({ XDG_RUNTIME_DIR: "/run/user/7" })).toBe("/run/user/7/connector");
    expect(defaultRunFolder({ XDG_RUNTIME_DIR: "relative" })).toBe(join(homedir(), ".config/connector/run"));
    expect(defaultRunFolder({ XDG_CONFIG_HOME: "/home/u/conf" })).toBe("/home/u/conf/connector/run");
    expect(defaultRunFolder({})).toBe(join(homedir(), ".config/connector/run"));
  });

  it("has a socket for each port, unless its path is too long for one", () => {
    expect(socketPathOf("/run/user/7/connector", 1900)).toBe("/run/user/7/connector/1900.sock");
    expect(socketPathOf(`/${"d".repeat(96)}`, 1)).toHaveLength(104);
    expect(socketPathOf(`/${"d".repeat(96)}`, 12_345)).toBeUndefined();
    expect(socketPathOf(`/${"ä".repeat(60)}`, 1)).toBeUndefined();
  });

  it("is made for this user alone, with all that leads to it", () => {
    const folder = join(temporaryFolder(), "a/b");
    makeRunFolder(folder);
    makeRunFolder(folder);
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
    expect(isSafeFolder(folder)).toBe(true);
  });

  it.each([
    ["open to others", (path: string) => void mkdirSync(path, 0o755), /others may use it \(mode 755\)/],
    [
      "a link",
      (path: string) => symlinkSync(mkdirSync(`${path}.real`, { recursive: true, mode: 0o700 }) ?? "", path),
      /a link/,
    ],
    ["a file", (path: string) => writeFileSync(path, ""), /EEXIST|a link or a file/],
  ])("is not used where it is %s", (_, make, reason) => {
    const path = join(temporaryFolder(), "run");
    make(path);
    expect(isSafeFolder(path)).toBe(false);
    expect(() => makeRunFolder(path)).toThrow(reason);
    expect(() => makeRunFolder(path)).toThrow(expect.objectContaining({ code: "CNR_ERR_RUN_FOLDER" }));
  });

  it("is not used where others may put another in its place", () => {
    const parent = temporaryFolder();
    chmodSync(parent, 0o777);
    const path = join(parent, "run");
    expect(() => makeRunFolder(path)).toThrow(/others may replace it/);
    expect(isSafeFolder(path)).toBe(false);
    chmodSync(parent, 0o1777);
    expect(isSafeFolder(path)).toBe(true);
  });

  it("is not used where it is not there", () => {
    expect(isSafeFolder(join(temporaryFolder(), "none"))).toBe(false);
  });
});
