import { createRequire, Module } from "node:module";
import { join } from "node:path";

export type ImportFunction = (specifier: string, options?: ImportCallOptions) => Promise<unknown>;

interface CompilingModule extends Module {
  _compile(text: string, fileName: string): void;
}

/** The modules of the program that this process runs: resolved from its working directory, not from this package. */
export interface ProgramModules {
  readonly require: NodeJS.Require;
  readonly import: ImportFunction;
}

let modules: ProgramModules | undefined;

export function programModules(): ProgramModules {
  if (modules) return modules;
  // Neither file exists: they only say where to look.
  const require = createRequire(join(process.cwd(), "connector-require.cjs"));
  const fileName = join(process.cwd(), "connector-import.cjs");
  // A script of node:vm cannot import without an experimental flag or a warning; a CommonJS module can.
  const module = new Module(fileName) as CompilingModule;
  module.filename = fileName;
  module._compile("module.exports = (specifier, options) => import(specifier, options)", fileName);
  modules = { require, import: module.exports as ImportFunction };
  return modules;
}
