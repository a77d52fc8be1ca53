import type { AnyNode, Identifier, ModuleDeclaration, Statement, VariableDeclaration } from "acorn";
import { childrenOf } from "./parser.ts";

/** The identifiers that a binding or assignment pattern binds. */
export function boundIdentifiers(pattern: AnyNode | null | undefined): Identifier[] {
  if (pattern?.type === "Identifier") return [pattern];
  if (pattern?.type === "AssignmentPattern") return boundIdentifiers(pattern.left);
  if (pattern?.type === "RestElement") return boundIdentifiers(pattern.argument);
  if (pattern?.type === "ArrayPattern") return pattern.elements.flatMap(boundIdentifiers);
  if (pattern?.type !== "ObjectPattern") return [];
  return pattern.properties.flatMap((property) =>
    boundIdentifiers(property.type === "Property" ? property.value : property),
  );
}

export function declaredBy(declaration: VariableDeclaration): string[] {
  return declaration.declarations.flatMap(({ id }) => boundIdentifiers(id).map(({ name }) => name));
}

/** What `let`, `const`, `class` and `function` declare in a list of statements. */
export function lexicalNames(statements: readonly (Statement | ModuleDeclaration)[]): string[] {
  return statements.flatMap((statement) => {
    if (statement.type === "VariableDeclaration") {
      return statement.kind === "var" ? [] : declaredBy(statement);
    }
    const declares = statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration";
    return declares ? [statement.id.name] : [];
  });
}

const OWN_VARIABLES: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassDeclaration",
  "ClassExpression",
]);

/** Every `var` declaration below a node that belongs to the function (or program) around it. */
export function varDeclarations(node: AnyNode): VariableDeclaration[] {
  return childrenOf(node).flatMap((child) => {
    if (OWN_VARIABLES.has(child.type)) return [];
    const deeper = varDeclarations(child);
    return child.type === "VariableDeclaration" && child.kind === "var" ? [child, ...deeper] : deeper;
  });
}

/** Functions declared inside blocks: outside strict mode they are variables of the whole function too. */
export function blockFunctionNames(node: AnyNode): string[] {
  return childrenOf(node).flatMap((child) => {
    if (child.type === "FunctionDeclaration") return child.id ? [child.id.name] : [];
    return OWN_VARIABLES.has(child.type) ? [] : blockFunctionNames(child);
  });
}
