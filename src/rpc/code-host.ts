import type { FunctionHost } from "../functions/function-host.ts";

/** The names that one link's code has made in this program: see SPEC section 6, `eval` and `exec`. */
export interface CodeScope {
  evaluate(code: string): Promise<unknown>;
  execute(code: string): Promise<unknown>;
  /** A function of the scope or a global, by its dotted name. */
  resolve(name: string): ((...args: unknown[]) => unknown) | undefined;
  functionNames(): string[];
}

/** What a platform can do with code from the other side. */
export interface CodeHost extends FunctionHost {
  /** @param names - what the code finds besides the globals */
  createScope(names: Readonly<Record<string, unknown>>): CodeScope;
}
