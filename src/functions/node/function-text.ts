import type { AnyNode, ArrowFunctionExpression, Class, Function as FunctionNode } from "acorn";
import { parseScript } from "./parser.ts";

type MethodKey = { readonly start: number; readonly end: number };

/** The source text of one function, as `toString` gives it, and its syntax tree. */
export interface FunctionText {
  readonly node: FunctionNode | ArrowFunctionExpression | Class;
  /** Where the text begins in what was parsed: positions of the tree count from there. */
  readonly offset: number;
  /** The name of a method, which without its object or class means nothing: positions in the text. */
  readonly methodKey: MethodKey | undefined;
}

const FUNCTIONS: ReadonlySet<string> = new Set([
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassExpression",
]);

function isFunction(node: AnyNode | null | undefined): node is FunctionText["node"] & AnyNode {
  return node !== null && node !== undefined && FUNCTIONS.has(node.type);
}

/** The first node of a kind on the way down to the text: wrappers hold nothing beside it. */
function expressionOf(text: string, directive: string): FunctionText | undefined {
  // Inside a method, because an arrow function may use `super` and `new.target` of one; capture says so.
  const before = `${directive}({ wrapper() { return (`;
  const statement = parseScript(`${before}${text}\n) } })`).body.at(-1);
  if (statement?.type !== "ExpressionStatement" || statement.expression.type !== "ObjectExpression")
    return undefined;
  const [wrapper] = statement.expression.properties;
  if (wrapper?.type !== "Property" || wrapper.value.type !== "FunctionExpression") return undefined;
  const [result] = wrapper.value.body.body;
  if (result?.type !== "ReturnStatement" || !isFunction(result.argument)) return undefined;
  return { node: result.argument, offset: before.length, methodKey: undefined };
}

function keyRange(key: AnyNode, computed: boolean, text: string, offset: number): MethodKey {
  const [start, end] = [key.start - offset, key.end - offset];
  return computed ? { start: text.lastIndexOf("[", start), end: text.indexOf("]", end) + 1 } : { start, end };
}

function methodOf(text: string, directive: string): FunctionText | undefined {
  const before = `${directive}({ `;
  const statement = parseScript(`${before}${text}\n})`).body.at(-1);
  if (statement?.type !== "ExpressionStatement" || statement.expression.type !== "ObjectExpression")
    return undefined;
  const [property, ...more] = statement.expression.properties;
  if (property?.type !== "Property" || !property.method || more.length > 0) return undefined;
  if (!isFunction(property.value)) return undefined;
  const methodKey = keyRange(property.key, property.computed, text, before.length);
  return { node: property.value, offset: before.length, methodKey };
}

/** Private methods, and those called "constructor" apart, look like methods of objects. */
function privateMethodOf(text: string): FunctionText | undefined {
  const before = "(class { ";
  const [statement] = parseScript(`${before}${text}\n})`).body;
  if (statement?.type !== "ExpressionStatement" || statement.expression.type !== "ClassExpression")
    return undefined;
  const [member, ...more] = statement.expression.body.body;
  if (member?.type !== "MethodDefinition" || member.kind !== "method" || more.length > 0) return undefined;
  return {
    node: member.value,
    offset: before.length,
    methodKey: keyRange(member.key, false, text, before.length),
  };
}

function attempt(read: () => FunctionText | undefined): FunctionText | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Parses a function on its own; undefined where its text means nothing without the code around it. */
export function parseFunction(text: string, strict: boolean): FunctionText | undefined {
  const directive = strict ? '"use strict"; ' : "";
  return (
    attempt(() => expressionOf(text, directive)) ??
    attempt(() => methodOf(text, directive)) ??
    attempt(() => privateMethodOf(text))
  );
}
