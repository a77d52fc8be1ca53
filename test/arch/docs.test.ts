import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { Extension } from "../../src/codec/extension-types.ts";
import { ERROR_CODES, type ErrorCode } from "../../src/core/error-codes.ts";
import { failure } from "../../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { FrameKind } from "../../src/protocol/frame.ts";
import { MessageType } from "../../src/protocol/message-types.ts";
import { LAYERS } from "./layers.ts";
import { blocksOf, page, quantity, ROOT, rowsOf, sectionOf } from "./markdown.ts";

const PAGES = [
  "README.md",
  ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
  ...readdirSync(join(ROOT, "examples")).map((name) => `examples/${name}/README.md`),
];

/** `number name` of each row of a table of numbers, and of each entry of the source's list. */
const numbered = (rows: string[][]): string[] =>
  rows.map(([number, name]) => `${Number(number)} ${name}`).sort();
const listed = (list: Readonly<Record<string, number>>): string[] =>
  Object.entries(list)
    .map(([name, number]) => `${number} ${name}`)
    .sort();

describe("docs/ERRORS.md", () => {
  const text = page("docs/ERRORS.md");
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];

  it("has a section for every code, and for no other", () => {
    expect([...text.matchAll(/^### (.*)$/gm)].map(([, code]) => code).sort()).toEqual([...codes].sort());
  });

  it("says of each its class, whether to try again, and what to do", () => {
    for (const code of codes) {
      const { name, retryable } = failure(code);
      const section = sectionOf(text, `### ${code}`).trim();
      const opening = `\`${name}\`, ${retryable ? "" : "not "}retryable. `;
      expect(section.slice(0, opening.length), code).toBe(opening);
      expect(section.length, code).toBeGreaterThan(opening.length + 30);
    }
  });
});

describe("docs/LIMITS.md", () => {
  it("has every limit with its default, and no other", () => {
    const rows = rowsOf(sectionOf(page("docs/LIMITS.md"), "## Options"), /^max|Bytes$|^resume/);
    const limits = Object.fromEntries(rows.map(([name = "", value = ""]) => [name, quantity(value)]));
    expect(limits).toEqual(DEFAULT_LIMITS);
    for (const row of rows) expect(row[3], row[0]).toMatch(/refuse|slow down|cut/);
  });
});

describe("docs/PROTOCOL.md", () => {
  const text = page("docs/PROTOCOL.md");

  it("has every kind of frame, and no other", () => {
    expect(numbered(rowsOf(sectionOf(text, "## Frames"), /^\d+$/))).toEqual(listed(FrameKind));
  });

  it("has every type of message, and no other", () => {
    expect(numbered(rowsOf(sectionOf(text, "## Messages"), /^\d+$/))).toEqual(listed(MessageType));
  });

  it("has every extension of the codec, and no other", () => {
    const rows = rowsOf(sectionOf(text, "## Values"), /^0x/);
    // Written where the bytes are written: see core/byte-writer.ts.
    expect(numbered(rows)).toEqual(listed({ ...Extension, attachment: 0x0d }));
  });

  it("has worked examples that are golden bytes", () => {
    const golden = ["frames", "channels", "calls"].flatMap((name) =>
      Object.values(JSON.parse(page(`test/golden/${name}.json`)) as Record<string, string>),
    );
    const examples = blocksOf(text, "hex").map(({ code }) =>
      [...code.matchAll(/^[0-9a-f]{2}(?: [0-9a-f]{2})*/gm)].join("").replaceAll(" ", ""),
    );
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) expect(golden).toContain(example);
  });
});

describe("docs/ARCHITECTURE.md", () => {
  it("has the table of layers that test/arch/layers.ts enforces", () => {
    const rows = rowsOf(sectionOf(page("docs/ARCHITECTURE.md"), "## Layers"), /^(?!layer$|-)/);
    const described = rows.map(([layer, imports = ""]) => [
      layer,
      imports === "nothing" ? [] : imports.split(", ").sort(),
    ]);
    const named = (layer: string): string => layer || "entries";
    const declared = Object.entries(LAYERS).map(([layer, imports]) => [
      named(layer),
      imports.map(named).sort(),
    ]);
    expect(Object.fromEntries(described)).toEqual(Object.fromEntries(declared));
  });
});

/** `path/of.test.ts` as pages name tests; one that was named with its folder may then be named without. */
const TEST_FILE = /`([\w/.*-]+\.test(?:-d)?\.ts)\b/g;

describe("documentation", () => {
  it.each(PAGES)("%s names no test that is not there", (name) => {
    const named = [...page(name).matchAll(TEST_FILE)].map(([, path = ""]) => path);
    const inFull = named.filter((path) => path.includes("/"));
    expect(inFull.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    for (const short of named.filter((path) => !path.includes("/"))) {
      const meant = new Set(inFull.filter((path) => basename(path) === short));
      expect([...meant], short).toHaveLength(1);
    }
  });

  it("names a test for each attack of the threat model", () => {
    const text = page("docs/THREAT-MODEL.md");
    const rows = ["## Strangers and the network", "## The same machine", "## Those who are in"].flatMap(
      (heading) => rowsOf(sectionOf(text, heading), /^(?!attack|-)/),
    );
    expect(rows.length).toBeGreaterThan(20);
    for (const [attack, , shownBy] of rows) expect(shownBy, attack).toMatch(/\w+\.test\.ts/);
  });

  it.each(PAGES)("%s leads nowhere that is not there", (name) => {
    const dead = [...page(name).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? name : join(dirname(name), path);
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchorsOf(page(target)).includes(anchor);
      });
    expect(dead).toEqual([]);
  });
});

function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
}
