import type {
  AnyNode,
  ArrowFunctionExpression,
  AssignmentProperty,
  BlockStatement,
  Class,
  ForInStatement,
  ForOfStatement,
  ForStatement,
  Function as FunctionNode,
  Identifier,
  Program,
  Statement,
  StaticBlock,
} from "acorn";
import {
  blockFunctionNames,
  boundIdentifiers,
  declaredBy,
  lexicalNames,
  varDeclarations,
} from "./declared-names.ts";
import { type Place, Scope } from "./lexical-scope.ts";
import { childrenOf } from "./parser.ts";

/** One place where code uses a name that it does not declare itself. */
export interface FreeReference {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly role: "value" | "callee" | "typeof" | "write" | "declaration";
  /** `{ name }`, in an object or a pattern: whoever renames it must keep the key. */
  readonly shorthand: boolean;
  /** The anonymous function or class that takes its `name` from being assigned here. */
  readonly names: AnyNode | undefined;
}

export interface FreeVariables {
  readonly references: readonly FreeReference[];
  /** Each `import(...)`, with its specifier where that is a literal. */
  readonly imports: readonly { readonly start: number; readonly specifier: string | undefined }[];
  /** The literal specifiers of `require(...)`. */
  readonly requires: readonly string[];
  /** What belongs to the code around: `this`, `arguments`, `super`, `new.target`. */
  readonly surroundings: ReadonlySet<string>;
  readonly directEval: boolean;
  readonly importMeta: boolean;
}

const ANONYMOUS: ReadonlySet<string> = new Set([
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassExpression",
]);

function namesIn(pattern: AnyNode | null | undefined): string[] {
  return boundIdentifiers(pattern).map(({ name }) => name);
}

function namedByAssignment(target: AnyNode, value: AnyNode | null | undefined): AnyNode | undefined {
  if (target.type !== "Identifier" || !value || !ANONYMOUS.has(value.type)) return undefined;
  return "id" in value && value.id ? undefined : value;
}

type Visitors = {
  readonly [T in AnyNode["type"]]?: (node: Extract<AnyNode, { type: T }>, place: Place) => void;
};

class Analysis implements FreeVariables {
  readonly references: FreeReference[] = [];
  readonly imports: { start: number; specifier: string | undefined }[] = [];
  readonly requires: string[] = [];
  readonly surroundings: Set<string> = new Set();
  readonly #sloppy: boolean;
  directEval = false;
  importMeta = false;

  /** Nodes that are not listed are walked through. */
  readonly #visitors: Visitors = {
    FunctionDeclaration: (node, place) => this.function(node, place),
    FunctionExpression: (node, place) => this.function(node, place),
    ArrowFunctionExpression: (node, place) => this.function(node, place),
    ClassDeclaration: (node, place) => this.class(node, place),
    ClassExpression: (node, place) => this.class(node, place),
    BlockStatement: (node, place) => this.#block(node.body, place),
    ForStatement: (node, place) => this.#loop(node, node.init, place),
    ForInStatement: (node, place) => this.#loop(node, node.left, place),
    ForOfStatement: (node, place) => this.#loop(node, node.left, place),
    SwitchStatement: (node, place) => {
      this.visit(node.discriminant, place);
      const names = lexicalNames(node.cases.flatMap(({ consequent }) => consequent));
      this.#all(node.cases, { ...place, scope: new Scope(names, place.scope) });
    },
    CatchClause: (node, place) => {
      const scope = new Scope(namesIn(node.param), place.scope);
      this.#target(node.param, { ...place, scope }, "declaration");
      this.visit(node.body, { ...place, scope });
    },
    VariableDeclarator: ({ id, init }, place) => {
      this.#target(id, place, "declaration", namedByAssignment(id, init));
      this.#all([init], place);
    },
    AssignmentExpression: ({ left, right }, place) => {
      this.#target(left, place, "write", namedByAssignment(left, right));
      this.visit(right, place);
    },
    UpdateExpression: (node, place) => this.#target(node.argument, place, "write"),
    Identifier: (node, place) => this.#refer(node, place),
    ThisExpression: (_, place) => this.#surround("this", place.outerThis),
    Super: (_, place) => this.#surround("super", place.outerSuper),
    MetaProperty: (node, place) => {
      if (node.meta.name === "import") this.importMeta = true;
      else this.#surround("new.target", place.outerThis);
    },
    ImportExpression: (node, place) => {
      const specifier = node.source.type === "Literal" ? String(node.source.value) : undefined;
      this.imports.push({ start: node.start, specifier });
      this.#all(childrenOf(node), place);
    },
    MemberExpression: (node, place) => this.#all([node.object, node.computed ? node.property : null], place),
    Property: ({ key, value, computed, shorthand }, place) => {
      if (computed) this.visit(key, place);
      if (shorthand && value.type === "Identifier") this.#refer(value, place, "value", { shorthand });
      else this.visit(value, place);
    },
    CallExpression: (node, place) => {
      this.#call(node.callee, node.arguments[0], place);
      this.#all(node.arguments, place);
    },
    TaggedTemplateExpression: (node, place) => {
      this.#call(node.tag, undefined, place);
      this.visit(node.quasi, place);
    },
    UnaryExpression: ({ operator, argument }, place) => {
      if (operator === "typeof" && argument.type === "Identifier") this.#refer(argument, place, "typeof");
      else this.visit(argument, place);
    },
    // Labels and import bindings are identifiers, but no references.
    LabeledStatement: (node, place) => this.visit(node.body, place),
    BreakStatement: () => {},
    ContinueStatement: () => {},
    ImportDeclaration: () => {},
  };

  constructor(sloppy: boolean) {
    this.#sloppy = sloppy;
  }

  visit(node: AnyNode, place: Place): void {
    const visitor = this.#visitors[node.type] as ((node: AnyNode, place: Place) => void) | undefined;
    if (visitor) visitor(node, place);
    else this.#all(childrenOf(node), place);
  }

  function(node: FunctionNode | ArrowFunctionExpression, outer: Place, lone: Partial<Place> = {}): void {
    const isArrow = node.type === "ArrowFunctionExpression";
    const ownName = node.type === "FunctionExpression" && node.id ? [node.id.name] : [];
    const parameters = node.params.flatMap(namesIn);
    const scope = new Scope(
      isArrow ? parameters : [...parameters, "arguments"],
      new Scope(ownName, outer.scope),
    );
    const place: Place = isArrow
      ? { ...outer, scope }
      : { outerThis: false, outerSuper: false, ...lone, scope };
    for (const param of node.params) this.#target(param, place, "declaration");
    if (node.body.type === "BlockStatement") this.#body(node.body, place);
    else this.visit(node.body, place);
  }

  class(node: Class, outer: Place): void {
    const place: Place = { ...outer, scope: new Scope(namesIn(node.id), outer.scope) };
    const own: Place = { scope: place.scope, outerThis: false, outerSuper: false };
    this.#all([node.superClass], place);
    for (const member of node.body.body) {
      if (member.type === "StaticBlock") {
        this.#body(member, own);
        continue;
      }
      if (member.computed) this.visit(member.key, place);
      this.#all([member.value], own);
    }
  }

  #refer(
    { name, start, end }: Identifier,
    { scope }: Place,
    role: FreeReference["role"] = "value",
    { shorthand = false, names }: { shorthand?: boolean; names?: AnyNode | undefined } = {},
  ): void {
    if (scope.has(name)) return;
    if (name === "arguments") this.surroundings.add("arguments");
    else this.references.push({ name, start, end, role, shorthand, names });
  }

  #surround(what: string, isOuter: boolean): void {
    if (isOuter) this.surroundings.add(what);
  }

  #all(nodes: readonly (AnyNode | null | undefined)[], place: Place): void {
    for (const node of nodes) if (node) this.visit(node, place);
  }

  #block(statements: readonly Statement[], place: Place): void {
    this.#all(statements, { ...place, scope: new Scope(lexicalNames(statements), place.scope) });
  }

  #body(node: BlockStatement | StaticBlock, place: Place): void {
    const hoisted = varDeclarations(node).flatMap(declaredBy);
    if (this.#sloppy) hoisted.push(...blockFunctionNames(node));
    this.#block(node.body, { ...place, scope: new Scope(hoisted, place.scope) });
  }

  /** A pattern whose names are assigned or declared. */
  #target(
    node: AnyNode | null | undefined,
    place: Place,
    role: "write" | "declaration",
    names?: AnyNode,
  ): void {
    if (node?.type === "Identifier") this.#refer(node, place, role, { names });
    else if (node?.type === "ArrayPattern") {
      for (const element of node.elements) this.#target(element, place, role);
    } else if (node?.type === "RestElement") this.#target(node.argument, place, role);
    else if (node?.type === "AssignmentPattern") {
      this.#target(node.left, place, role, namedByAssignment(node.left, node.right));
      this.visit(node.right, place);
    } else if (node?.type === "ObjectPattern") {
      for (const property of node.properties) {
        if (property.type === "RestElement") this.#target(property.argument, place, role);
        else this.#targetProperty(property, place, role);
      }
    } else this.#all([node], place);
  }

  #targetProperty(
    { key, value, computed, shorthand }: AssignmentProperty,
    place: Place,
    role: "write" | "declaration",
  ): void {
    if (computed) this.visit(key, place);
    if (!shorthand) {
      this.#target(value, place, role);
      return;
    }
    const initial = value.type === "AssignmentPattern" ? value.right : undefined;
    for (const identifier of boundIdentifiers(value)) {
      const names = namedByAssignment(identifier, initial);
      this.#refer(identifier, place, role, { shorthand, names });
    }
    this.#all([initial], place);
  }

  #call(callee: AnyNode, first: AnyNode | undefined, place: Place): void {
    if (callee.type !== "Identifier") {
      this.visit(callee, place);
      return;
    }
    this.#refer(callee, place, "callee");
    if (place.scope.has(callee.name)) return;
    if (callee.name === "eval") this.directEval = true;
    if (callee.name === "require" && first?.type === "Literal") this.requires.push(String(first.value));
  }

  /** A loop whose head may declare names of its own. */
  #loop(
    node: ForStatement | ForInStatement | ForOfStatement,
    head: AnyNode | null | undefined,
    outer: Place,
  ): void {
    const declares = head?.type === "VariableDeclaration";
    const names = declares && head.kind !== "var" ? declaredBy(head) : [];
    const place: Place = { ...outer, scope: new Scope(names, outer.scope) };
    if (node.type === "ForStatement" || declares) this.#all([head], place);
    else this.#target(head, place, "write");
    this.#all(
      childrenOf(node).filter((child) => child !== head),
      place,
    );
  }
}

/**
 * What a lone function needs from outside itself.
 *
 * @param isMethod its `super` then belongs to an object that stays behind
 */
export function freeVariablesOf(
  node: FunctionNode | ArrowFunctionExpression | Class,
  { isMethod, sloppy }: { readonly isMethod: boolean; readonly sloppy: boolean },
): FreeVariables {
  const analysis = new Analysis(sloppy);
  const place: Place = { scope: new Scope([]), outerThis: true, outerSuper: true };
  if ("params" in node) analysis.function(node, place, { outerSuper: isMethod });
  else analysis.class(node, place);
  return analysis;
}

/** What a program uses, its own top-level declarations included: those are references with the role "declaration". */
export function freeVariablesOfProgram(program: Program): FreeVariables {
  const analysis = new Analysis(false);
  const local = program.body.flatMap((statement) =>
    statement.type === "VariableDeclaration" && statement.kind.endsWith("using") ? declaredBy(statement) : [],
  );
  const place: Place = { scope: new Scope(local), outerThis: false, outerSuper: false };
  for (const statement of program.body) analysis.visit(statement, place);
  return analysis;
}
