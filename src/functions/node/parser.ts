import { createRequire } from "node:module";
import type { AnyNode, Options, Program } from "acorn";

const require = createRequire(import.meta.url);

/**
 * Parses a script that may hold `await`, `return` and `import` at its top level.
 * The parser is loaded at first use: most programs start, and many end, without sending code.
 */
export function parseScript(text: string, options: Partial<Options> = {}): Program {
  const acorn = require("acorn") as typeof import("acorn");
  return acorn.parse(text, {
    ecmaVersion: "latest",
    sourceType: "script",
    allowImportExportEverywhere: true,
    allowHashBang: false,
    ...options,
  });
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** The nodes directly inside a node, in the order of the text for everything that matters here. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node) as unknown[]) {
    if (isNode(value)) children.push(value);
    else if (Array.isArray(value)) children.push(...value.filter(isNode));
  }
  return children;
}
