import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { page, ROOT } from "./markdown.ts";

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly string[];
}

const mutants = JSON.parse(page("test/mutants/mutants.json")) as Mutant[];

describe("test/mutants/mutants.json", () => {
  it.each(mutants)("$name: has its place in the source, and tests that are there", (mutant) => {
    expect(page(mutant.file).split(mutant.find)).toHaveLength(2);
    expect(mutant.replace).not.toBe(mutant.find);
    expect(mutant.tests.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
