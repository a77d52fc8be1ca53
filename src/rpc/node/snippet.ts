import { Script } from "node:vm";
import type { AnyNode, ImportDeclaration, Program, Statement, VariableDeclaration } from "acorn";
import { declaredBy, varDeclarations } from "../../functions/node/declared-names.ts";
import { type FreeReference, freeVariablesOfProgram } from "../../functions/node/free-variables.ts";
import { childrenOf } from "../../functions/node/parser.ts";
import type { ImportFunction } from "../../functions/node/program-modules.ts";
import { keepCompletionValue } from "./completion-value.ts";
import { parseSnippet, syntaxError } from "./snippet-parser.ts";
import { TextEdits } from "./text-edits.ts";

/** What the names of a scope are called in the compiled text: `total` becomes `$connector.total`. */
export const SCOPE = "$connector";
/** The same names where reading must not fail (`typeof`), or writing must (constants). */
const GUARD = "$connectorGuard";
const IMPORT = "$connectorImport";
const LAST = "$connectorLast";

export interface KnownNames {
  has(name: string): boolean;
  isConstant(name: string): boolean;
}

export interface Snippet {
  /** The names of its top-level declarations, and whether they are constants. */
  readonly declares: ReadonlyMap<string, { readonly constant: boolean }>;
  readonly imports: readonly ImportDeclaration[];
  readonly run: (names: object, guard: object, load: ImportFunction) => Promise<unknown>;
}

/** `let` and `const` live in the scope; `using` cannot outlive its snippet. */
const LEXICAL: ReadonlySet<string> = new Set(["let", "const"]);

function namesOf(statement: Program["body"][number]): string[] {
  if (statement.type === "ImportDeclaration") return statement.specifiers.map(({ local }) => local.name);
  if (statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration") {
    return [statement.id.name];
  }
  const isLexical = statement.type === "VariableDeclaration" && LEXICAL.has(statement.kind);
  return isLexical ? declaredBy(statement) : [];
}

function topLevelNames(program: Program, vars: readonly VariableDeclaration[]): Snippet["declares"] {
  const names = new Map(vars.flatMap(declaredBy).map((name) => [name, { constant: false }]));
  for (const statement of program.body) {
    const constant =
      statement.type === "ImportDeclaration" ||
      (statement.type === "VariableDeclaration" && statement.kind === "const");
    for (const name of namesOf(statement)) names.set(name, { constant });
  }
  return names;
}

interface Layout {
  /** Where statements begin that a missing semicolon may join to the line before. */
  readonly statementStarts: Set<number>;
  readonly loopHeads: Set<AnyNode>;
}

function layoutOf(node: AnyNode, found: Layout): Layout {
  const statements: readonly AnyNode[] =
    node.type === "SwitchCase"
      ? node.consequent
      : node.type === "BlockStatement" || node.type === "StaticBlock" || node.type === "Program"
        ? node.body
        : [];
  for (const { type, start } of statements)
    if (type === "ExpressionStatement") found.statementStarts.add(start);
  if (node.type === "ForInStatement" || node.type === "ForOfStatement") found.loopHeads.add(node.left);
  for (const child of childrenOf(node)) layoutOf(child, found);
  return found;
}

/** `let a = 1, b` becomes `void ($connector.a = 1, $connector.b = void 0)`: the names themselves are edited apart. */
function rewriteDeclaration(declaration: VariableDeclaration, isLoopHead: boolean, edits: TextEdits): void {
  const { start, kind, declarations } = declaration;
  const [first] = declarations;
  const last = declarations.at(-1);
  if (!first || !last) return;
  // `void` and not a bare parenthesis: that would make a call of the line before if its semicolon is missing.
  edits.replace(start, first.start, isLoopHead ? "" : "void (");
  if (isLoopHead) return;
  edits.wrap(start, last.end, "", ")");
  for (const { init, start: from, end } of declarations) {
    // `var x;` keeps the value that x has.
    if (!init && kind !== "var") edits.wrap(from, end, "", " = void 0");
  }
}

function rewriteReference(reference: FreeReference, object: string, layout: Layout, edits: TextEdits): void {
  const { name, start, end, role, shorthand, names } = reference;
  const member = `${object}.${name}`;
  if (role === "callee") {
    const separator = layout.statementStarts.has(start) ? ";" : "";
    edits.replace(start, end, `${separator}(0, ${member})`); // a plain call: no `this`
  } else edits.replace(start, end, shorthand ? `${name}: ${member}` : member);
  if (!names) return;
  // An assignment to a property names no function; a property of an object does.
  edits.wrap(names.start, names.end, `({ ${name}: `, ` }).${name}`);
}

class SnippetCompiler {
  readonly #edits = new TextEdits();
  readonly #hoisted: string[] = [];
  readonly #layout: Layout;
  readonly #text: string;
  readonly #program: Program;
  readonly #fileName: string;

  constructor(program: Program, text: string, fileName: string) {
    this.#program = program;
    this.#text = text;
    this.#fileName = fileName;
    this.#layout = layoutOf(program, { statementStarts: new Set(), loopHeads: new Set() });
  }

  keepCompletion(): void {
    const { statementStarts } = this.#layout;
    const into = { text: this.#text, variable: LAST, edits: this.#edits, statementStarts };
    for (const statement of this.#program.body) keepCompletionValue(statement as Statement, into);
  }

  rewriteDeclarations(vars: readonly VariableDeclaration[]): void {
    for (const declaration of vars) {
      rewriteDeclaration(declaration, this.#layout.loopHeads.has(declaration), this.#edits);
    }
    for (const statement of this.#program.body) this.#rewriteTopLevel(statement);
  }

  #rewriteTopLevel(statement: Program["body"][number]): void {
    const { start, end } = statement;
    if (statement.type === "VariableDeclaration") {
      if (LEXICAL.has(statement.kind)) rewriteDeclaration(statement, false, this.#edits);
    } else if (statement.type === "FunctionDeclaration") {
      this.#hoisted.push(`${SCOPE}.${statement.id.name} = ${statement.id.name};`);
    } else if (statement.type === "ClassDeclaration") {
      this.#edits.wrap(start, end, `${SCOPE}.${statement.id.name} = `, ";");
    } else if (statement.type === "ImportDeclaration") {
      this.#edits.replace(start, end, this.#text.slice(start, end).replace(/[^\n]+/g, ""));
    } else if (statement.type.startsWith("Export")) {
      throw syntaxError("export is for modules, not for eval and exec", start, this.#text, this.#fileName);
    }
  }

  rewriteReferences(declares: Snippet["declares"], known: KnownNames): void {
    const { references, imports } = freeVariablesOfProgram(this.#program);
    for (const reference of references) {
      const { name, role } = reference;
      const isOwn = declares.has(name) || known.has(name);
      // Globals of the host stay as they are, at full speed; what nobody knows yet is looked up when it is used.
      if (!isOwn && name in globalThis) continue;
      const isConstant = declares.get(name)?.constant ?? known.isConstant(name);
      const guarded = role === "typeof" || (role === "write" && isConstant);
      rewriteReference(reference, guarded ? GUARD : SCOPE, this.#layout, this.#edits);
    }
    for (const { start } of imports) this.#edits.replace(start, start + "import".length, IMPORT);
  }

  compile(keepsCompletion: boolean): Snippet["run"] {
    const { body } = this.#program;
    const isStrict = body.some(
      (statement) =>
        statement.type === "ImportDeclaration" ||
        (statement.type === "ExpressionStatement" && statement.directive === "use strict"),
    );
    const head = [
      isStrict ? '"use strict";' : "",
      keepsCompletion ? `let ${LAST};` : "",
      ...this.#hoisted,
    ].join(" ");
    const tail = keepsCompletion ? `return ${LAST};` : "";
    const text =
      `(function (${SCOPE}, ${GUARD}, ${IMPORT}) { return (async () => { ${head}\n` +
      `${this.#edits.applyTo(this.#text)}\n${tail} })(); })`;
    return new Script(text, {
      filename: this.#fileName,
      lineOffset: -1,
    }).runInThisContext() as Snippet["run"];
  }
}

/**
 * Compiles code for a scope: its top-level names live in the scope's object, everything else is the host's.
 * `with` would do the same at run time, for every name inside every loop, sixty times slower.
 *
 * @param kind "eval" gives the completion value, "exec" what it returns
 */
export function compileSnippet(code: string, kind: "eval" | "exec", known: KnownNames): Snippet {
  const fileName = `connector:${kind}`;
  const { program, text } = parseSnippet(code, kind === "eval", fileName);
  const vars = varDeclarations(program);
  const declares = topLevelNames(program, vars);
  const compiler = new SnippetCompiler(program, text, fileName);
  if (kind === "eval") compiler.keepCompletion();
  compiler.rewriteDeclarations(vars);
  compiler.rewriteReferences(declares, known);
  const imports = program.body.filter((statement) => statement.type === "ImportDeclaration");
  return { declares, imports, run: compiler.compile(kind === "eval") };
}
