import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

export interface CodeBlock {
  /** Line of its first line of code, for people. */
  readonly line: number;
  readonly code: string;
}

export function page(name: string): string {
  return readFileSync(`${ROOT}${name}`, "utf8");
}

/** The fenced blocks of one language. */
export function blocksOf(text: string, language: string): CodeBlock[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(fence)].map(({ index, 1: code = "" }) => ({
    line: text.slice(0, index).split("\n").length + 1,
    code,
  }));
}

/** The cells of each table row whose first cell matches, without the backticks around names. */
export function rowsOf(text: string, first: RegExp): string[][] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`(.*)`$/, "$1")),
    )
    .filter(([cell]) => cell !== undefined && first.test(cell));
}

/** What stands under a heading, down to the next one of its level or higher. */
export function sectionOf(text: string, heading: string): string {
  const lines = text.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`there is no section "${heading}"`);
  const level = heading.indexOf(" ");
  const length = lines.slice(start + 1).findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= level);
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join("\n");
}

/** `64 MiB`, `100 000`, `5 s` as a number of bytes, things or milliseconds. */
export function quantity(text: string): number {
  const match = /^([\d ]+?)(?: (KiB|MiB|s|ms))?$/.exec(text);
  if (!match) throw new Error(`"${text}" is no quantity`);
  const unit = { KiB: 1024, MiB: 1024 ** 2, s: 1000, ms: 1 }[match[2] ?? "ms"] ?? 1;
  return Number(match[1]?.replaceAll(" ", "")) * unit;
}
