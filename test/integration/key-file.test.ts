import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const PROGRAM = fileURLToPath(new URL("../fixtures/key-file-program.mjs", import.meta.url));
const PROCESSES = 8;
const ROUNDS = 4;

/** Starts a program; `begin` lets it look for the key and gives what it prints. */
async function start(path: string): Promise<{ child: ChildProcess; begin: () => Promise<string> }> {
  const child = spawn(process.execPath, [PROGRAM, path], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  while (!text.includes("ready\n")) await once(child.stdout, "data");
  return {
    child,
    async begin() {
      const closed = once(child, "close");
      child.stdin.write("now\n");
      await closed;
      return text.replace("ready\n", "").trim();
    },
  };
}

describe("the key file of many programs", () => {
  it("is made by one of those that begin at once, and all of them get the same key", {
    timeout: 60_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "connector-keys-"));
    const seen = new Set<string>();
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const path = join(folder, `round${round}`, "connector", "key");
        const programs = await Promise.all(Array.from({ length: PROCESSES }, () => start(path)));
        const keys = await Promise.all(programs.map(({ begin }) => begin()));
        expect(keys).toEqual(Array(PROCESSES).fill(keys[0]));
        expect(`${keys[0]}\n`).toBe(readFileSync(path, "utf8"));
        expect(statSync(path).mode & 0o777).toBe(0o600);
        expect(readdirSync(join(folder, `round${round}`, "connector"))).toEqual(["key"]);
        seen.add(keys[0] as string);
      }
      expect(seen.size).toBe(ROUNDS);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
