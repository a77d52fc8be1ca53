import type { Statement } from "acorn";
import type { TextEdits } from "./text-edits.ts";

/** Statements whose value is that of what ran inside them, or undefined: never that of the statement before. */
const CONTROL: ReadonlySet<string> = new Set([
  "IfStatement",
  "ForStatement",
  "ForInStatement",
  "ForOfStatement",
  "WhileStatement",
  "DoWhileStatement",
  "SwitchStatement",
  "TryStatement",
  "WithStatement",
]);

const DECLARATIONS: ReadonlySet<string> = new Set(["FunctionDeclaration", "ClassDeclaration"]);

function innerStatements(statement: Statement): (Statement | null | undefined)[] {
  if (statement.type === "BlockStatement") return statement.body;
  if (statement.type === "IfStatement") return [statement.consequent, statement.alternate];
  if (statement.type === "SwitchStatement") return statement.cases.flatMap(({ consequent }) => consequent);
  // What `finally` evaluates never counts.
  if (statement.type === "TryStatement") return [statement.block, statement.handler?.body];
  // What is left are loops, `with` and labels.
  return "body" in statement && "type" in statement.body && !DECLARATIONS.has(statement.type)
    ? [statement.body as Statement]
    : [];
}

function controlInside(statement: Statement): boolean {
  return statement.type === "LabeledStatement" ? controlInside(statement.body) : CONTROL.has(statement.type);
}

/**
 * Keeps the completion value of statements in a variable: what `eval` of the language gives.
 * https://tc39.es/ecma262/#sec-statement-semantics-static-semantics-completion
 */
export function keepCompletionValue(
  statement: Statement,
  text: string,
  variable: string,
  edits: TextEdits,
): void {
  if (statement.type === "ExpressionStatement") {
    const hasSemicolon = text[statement.end - 1] === ";";
    edits.wrap(statement.start, hasSemicolon ? statement.end - 1 : statement.end, `${variable} = (`, ")");
    return;
  }
  // Braces, because the statement may stand alone behind an `if` or `for`; in front of its labels, which belong to it.
  if (controlInside(statement)) edits.wrap(statement.start, statement.end, `{ ${variable} = void 0; `, "}");
  const inner = statement.type === "LabeledStatement" ? unlabelled(statement) : statement;
  for (const child of innerStatements(inner)) if (child) keepCompletionValue(child, text, variable, edits);
}

function unlabelled(statement: Statement): Statement {
  return statement.type === "LabeledStatement" ? unlabelled(statement.body) : statement;
}
