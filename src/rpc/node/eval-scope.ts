import { type ImportFunction, programModules } from "../../functions/node/program-modules.ts";
import type { CodeScope } from "../code-host.ts";
import { importBindings } from "./import-bindings.ts";
import { compileSnippet, SCOPE, type Snippet } from "./snippet.ts";

/** Snippets that a scope keeps compiled: a program asks for the same few again and again. */
const MAX_COMPILED = 200;
/** Longer code is rarely sent twice. */
const MAX_COMPILED_LENGTH = 4096;

const host = globalThis as unknown as Record<PropertyKey, unknown>;
const NOT_RESOLVED: ReadonlySet<string> = new Set(["__proto__", "constructor"]);
const SCOPE_PREFIX: RegExp = new RegExp(`\\(0 , \\${SCOPE}\\.([^\\s()]+)\\)|\\${SCOPE}\\.`, "g");

/** V8 quotes the compiled text ("$connector.f is not a function"): the user wrote another. */
function withPlainNames(error: unknown): unknown {
  if (!(error instanceof TypeError) || !error.message.includes(SCOPE)) return error;
  const { stack = "" } = error;
  error.message = error.message.replace(SCOPE_PREFIX, "$1");
  error.stack = stack.replace(SCOPE_PREFIX, "$1");
  return error;
}

/**
 * The names that one link's `eval` and `exec` have declared in this program.
 *
 * They last as long as the scope and are seen by nobody else; the host's globals are read and assigned as they
 * are. Code runs in the main thread and realm of the host, so that `instanceof` holds.
 */
export class EvalScope implements CodeScope {
  readonly #names: Record<string, unknown>;
  readonly #guard: object;
  readonly #constants: Set<string> = new Set();
  readonly #compiled = new Map<string, Snippet>();

  /** @param names what the code finds besides the globals: `{ peer, server }` */
  constructor({ names = {} }: { readonly names?: Readonly<Record<string, unknown>> } = {}) {
    this.#names = Object.create(this.#fallback()) as Record<string, unknown>;
    this.#guard = this.#guarded();
    const { require } = programModules();
    for (const [name, value] of Object.entries({ require, ...names })) this.#define(name, value);
  }

  /** The completion value of the code, awaited. Rejects with what the code throws, or a SyntaxError. */
  evaluate(code: string): Promise<unknown> {
    return this.#run(code, "eval");
  }

  /** Runs statements. Resolves to what a `return` at their top level gives. */
  execute(code: string): Promise<unknown> {
    return this.#run(code, "exec");
  }

  /** The function behind a dotted name, `this` included; the scope's own names go before the globals. */
  resolve(name: string): ((...args: unknown[]) => unknown) | undefined {
    const path = name.split(".");
    let owner: unknown;
    let value: unknown = Object.hasOwn(this.#names, path[0] ?? "") ? this.#names : host;
    if (value === host && !Object.hasOwn(host, path[0] ?? "")) return undefined;
    for (const step of path) {
      if (value === null || value === undefined || NOT_RESOLVED.has(step)) return undefined;
      owner = value;
      value = (owner as Record<string, unknown>)[step];
    }
    if (typeof value !== "function") return undefined;
    const target = value;
    const self = owner === this.#names ? undefined : owner;
    return (...args) => Reflect.apply(target, self, args) as unknown;
  }

  /** The names in this scope that are functions. */
  functionNames(): string[] {
    return Object.keys(this.#names).filter((name) => typeof this.#names[name] === "function");
  }

  async #run(code: string, kind: "eval" | "exec"): Promise<unknown> {
    try {
      const snippet = this.#compile(code, kind);
      const load = programModules().import;
      if (snippet.imports.length > 0) await this.#import(snippet, load);
      this.#declare(snippet);
      const { run } = snippet; // called without a `this`, which is then the host's global object
      return await run(this.#names, this.#guard, load);
    } catch (error) {
      throw withPlainNames(error);
    }
  }

  #compile(code: string, kind: "eval" | "exec"): Snippet {
    const key = `${kind} ${code}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const snippet = compileSnippet(code, kind, {
      has: (name) => Object.hasOwn(this.#names, name),
      isConstant: (name) => this.#constants.has(name),
    });
    if (this.#compiled.size >= MAX_COMPILED) this.#compiled.clear();
    if (code.length <= MAX_COMPILED_LENGTH) this.#compiled.set(key, snippet);
    return snippet;
  }

  async #import({ imports }: Snippet, load: ImportFunction): Promise<void> {
    const bindings = await Promise.all(imports.map((declaration) => importBindings(declaration, load)));
    for (const [name, value] of bindings.flat()) this.#define(name, value);
  }

  #declare({ declares }: Snippet): void {
    for (const [name, { constant }] of declares) {
      if (!Object.hasOwn(this.#names, name)) this.#define(name, undefined);
      if (constant === this.#constants.has(name)) continue;
      if (constant) this.#constants.add(name);
      else this.#constants.delete(name);
      this.#compiled.clear();
    }
  }

  /** A new name: code compiled before may have taken it for a global of the host. */
  #define(name: string, value: unknown): void {
    if (!Object.hasOwn(this.#names, name)) this.#compiled.clear();
    Object.defineProperty(this.#names, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }

  /** Stands behind the names: what is not among them is the host's, or not defined. */
  #fallback(): object {
    const handler: ProxyHandler<object> = {
      get(_target, name) {
        if (name in host) return host[name];
        const error = new ReferenceError(`${String(name)} is not defined`);
        Error.captureStackTrace(error, handler.get);
        throw error;
      },
      set: (_target, name, value) => {
        if (name in host) host[name] = value;
        else this.#define(String(name), value);
        return true;
      },
    };
    return new Proxy(Object.create(null) as object, handler);
  }

  /** For `typeof`, which never fails, and for constants, to which assigning always does. */
  #guarded(): object {
    return new Proxy(this.#names, {
      get: (names, name) => (Object.hasOwn(names, name) ? names[String(name)] : host[name]),
      set() {
        throw new TypeError("Assignment to constant variable.");
      },
    });
  }
}
