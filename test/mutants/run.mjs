/**
 * Applies each mutation of mutants.json to a copy of the source, runs the tests that it names, and lists those that no
 * test has noticed. Words as arguments choose the mutations whose names have one of them.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = [
  "src",
  "test",
  "dist",
  "docs",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "vitest.config.ts",
];
/** A mutant that makes a test hang is noticed. */
const TIMEOUT_MS = 120_000;

const words = process.argv.slice(2);
const all = JSON.parse(readFileSync(new URL("mutants.json", import.meta.url), "utf8"));
const chosen = all.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));

const folder = mkdtempSync(join(tmpdir(), "connector-mutants-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const each of COPIED) cpSync(join(ROOT, each), join(folder, each), { recursive: true });
symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));

function passes(tests) {
  const args = [
    join(ROOT, "node_modules/vitest/vitest.mjs"),
    "run",
    "--project",
    "node",
    "--bail",
    "1",
    ...tests,
  ];
  const { status } = spawnSync(process.execPath, args, {
    cwd: folder,
    stdio: "ignore",
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  return status === 0;
}

// A test that fails by itself would notice every mutant.
if (!passes([...new Set(chosen.flatMap(({ tests }) => tests))]))
  throw new Error("the tests fail without any mutant");
const survivors = [];
for (const { name, file, find, replace, tests } of chosen) {
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  if (source.split(find).length !== 2)
    throw new Error(`"${name}": its text is not there exactly once in ${file}`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  const isAlive = passes(tests);
  writeFileSync(path, source);
  console.log(`${isAlive ? "SURVIVED" : "caught  "} ${name}`);
  if (isAlive) survivors.push(name);
}
console.log(`${chosen.length - survivors.length} of ${chosen.length} mutants caught`);
process.exitCode = survivors.length > 0 ? 1 : 0;
