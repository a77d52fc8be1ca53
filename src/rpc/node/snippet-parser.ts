import type { Program } from "acorn";
import { parseScript } from "../../functions/node/parser.ts";

export interface ParsedSnippet {
  readonly program: Program;
  /** What was parsed: an expression stands in parentheses. */
  readonly text: string;
}

interface ParseFailure extends SyntaxError {
  readonly pos: number;
  readonly loc: { readonly line: number; readonly column: number };
}

/** A SyntaxError that shows the place as Node does: file and line, the line itself, a caret below. */
export function syntaxError(reason: string, position: number, code: string, fileName: string): SyntaxError {
  const before = code.slice(0, position).split("\n");
  const column = before.at(-1)?.length ?? 0;
  const line = code.split("\n")[before.length - 1] ?? "";
  const error = new SyntaxError(`${reason} (line ${before.length}, column ${column + 1})`);
  error.stack = `${fileName}:${before.length}\n${line}\n${" ".repeat(column)}^\n\nSyntaxError: ${error.message}`;
  return error;
}

function parse(code: string): Program {
  return parseScript(code, { allowAwaitOutsideFunction: true, allowReturnOutsideFunction: true });
}

function asExpression(code: string): ParsedSnippet | undefined {
  const text = `(${code.replace(/;\s*$/, "")}\n)`;
  try {
    const program = parseScript(text, { allowAwaitOutsideFunction: true, preserveParens: true });
    const [statement] = program.body;
    // `a) + (b` must not pass for one expression.
    const isWhole =
      statement?.type === "ExpressionStatement" && statement.expression.type === "ParenthesizedExpression";
    return isWhole && statement.end === text.length ? { program: parse(text), text } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Parses what was typed for `eval` or `exec`.
 *
 * @param expressionFirst `{ a: 1 }` is then an object, as at a prompt, not a block
 */
export function parseSnippet(code: string, expressionFirst: boolean, fileName: string): ParsedSnippet {
  const expression = expressionFirst && /^\s*\{/.test(code) ? asExpression(code) : undefined;
  if (expression) return expression;
  try {
    return { program: parse(code), text: code };
  } catch (error) {
    // `function (x) { ... }` is no statement, but a fine expression.
    const fallback = expressionFirst ? asExpression(code) : undefined;
    if (fallback) return fallback;
    if (!(error instanceof SyntaxError) || !("pos" in error)) throw error;
    const { message, pos } = error as ParseFailure;
    throw syntaxError(message.replace(/ \(\d+:\d+\)$/, ""), pos, code, fileName);
  }
}
