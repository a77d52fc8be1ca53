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
  // What is left with a body are loops and `with`.
  return "body" in statement && "type" in statement.body && !DECLARATIONS.has(statement.type)
    ? [statement.body as Statement]
    : [];
}

function unlabelled(statement: Statement): Statement {
  return statement.type === "LabeledStatement" ? unlabelled(statement.body) : statement;
}

export interface CompletionEdits {
  readonly text: string;
  /** The variable that is to hold the value. */
  readonly variable: string;
  readonly edits: TextEdits;
  /** Starts of expression statements; those that become assignments are taken out. */
  readonly statementStarts: Set<number>;
}

/**
 * Keeps the completion value of statements in a variable: what `eval` of the language gives.
 * https://tc39.es/ecma262/#sec-statement-semantics-static-semantics-completion
 */
export function keepCompletionValue(labelled: Statement, into: CompletionEdits): void {
  const { text, variable, edits } = into;
  const statement = unlabelled(labelled);
  if (statement.type === "ExpressionStatement") {
    const hasSemicolon = text[statement.end - 1] === ";";
    edits.wrap(statement.start, hasSemicolon ? statement.end - 1 : statement.end, `${variable} = (`, ")");
    into.statementStarts.delete(statement.start);
    return;
  }
  if (CONTROL.has(statement.type)) {
    // In braces, because it may stand alone behind an `if`; the labels inside, because they belong to the loop.
    edits.wrap(labelled.start, labelled.end, `{ ${variable} = void 0; `, "}");
  }
  if (statement.type === "TryStatement" && statement.handler) {
    const { start, end } = statement.handler.body; // what failed has no value
    edits.wrap(start + 1, end - 1, ` ${variable} = void 0; `, "");
  }
  for (const inner of innerStatements(statement)) if (inner) keepCompletionValue(inner, into);
}
