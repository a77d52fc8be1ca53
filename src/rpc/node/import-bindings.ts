import type { ImportDeclaration } from "acorn";
import type { ImportFunction } from "../../functions/node/program-modules.ts";

function nameOf(node: ImportDeclaration["attributes"][number]["key"]): string {
  return node.type === "Identifier" ? node.name : String(node.value);
}

/** Loads what an `import ... from` declaration names: pairs of local name and value. */
export async function importBindings(
  { source, specifiers, attributes }: ImportDeclaration,
  load: ImportFunction,
): Promise<[string, unknown][]> {
  const given = attributes.map(({ key, value }) => [nameOf(key), String(value.value)]);
  const options = given.length > 0 ? { with: Object.fromEntries(given) as ImportAttributes } : undefined;
  const specifier = String(source.value);
  const namespace = (await load(specifier, options)) as Record<string, unknown>;
  return specifiers.map((imported) => {
    if (imported.type === "ImportNamespaceSpecifier") return [imported.local.name, namespace];
    const name = imported.type === "ImportSpecifier" ? nameOf(imported.imported) : "default";
    if (!(name in namespace)) {
      throw new SyntaxError(`The requested module '${specifier}' does not provide an export named '${name}'`);
    }
    return [imported.local.name, namespace[name]];
  });
}
