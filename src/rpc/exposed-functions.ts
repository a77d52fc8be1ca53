import { failure } from "../core/errors.ts";
import type { HasAnyMember, Loose } from "../core/loose.ts";
import type { AnyFunction } from "../functions/captured-function.ts";

/** Functions by name, as `expose` takes them; groups inside are reached by dotted names. */
export interface FunctionGroup {
  readonly [name: string]: ((...args: Loose[]) => unknown) | FunctionGroup;
}

/** What may be exposed of the functions that an application declares: all or some of them, each giving its result now or later. */
export type Exposable<Functions> =
  HasAnyMember<Functions> extends true
    ? FunctionGroup
    : { readonly [Name in keyof Functions]?: ExposableMember<Functions[Name]> };

type ExposableMember<F> = F extends (...args: infer Args) => infer Result
  ? (...args: Args) => Result | Awaited<Result> | Promise<Awaited<Result>>
  : Exposable<F>;

/** A function and the object it is a method of. */
export interface Exposed {
  readonly fn: AnyFunction;
  readonly self: unknown;
}

const MAX_SUGGESTIONS = 3;
/** Characters of a name that are looked at for it. */
const COMPARED = 64;

/** The functions that the other side may call by name. Only what was put in is found: nothing is inherited. */
export class ExposedFunctions {
  readonly #functions = new Map<string, Exposed>();
  readonly #parent: ExposedFunctions | undefined;

  /** @param parent - where a name is looked up that is not here */
  constructor(parent?: ExposedFunctions) {
    this.#parent = parent;
  }

  /** Adds functions, replacing those of the same name. */
  expose(functions: FunctionGroup, prefix = ""): void {
    for (const [name, value] of Object.entries(functions)) {
      if (typeof value === "function") this.#functions.set(prefix + name, { fn: value, self: functions });
      else if (typeof value === "object" && value !== null) this.expose(value, `${prefix}${name}.`);
      else throw new TypeError(`expose: ${prefix}${name} is no function`);
    }
  }

  find(name: string): Exposed | undefined {
    return this.#functions.get(name) ?? this.#parent?.find(name);
  }

  names(): string[] {
    return [...this.#functions.keys(), ...(this.#parent?.names() ?? [])];
  }
}

/** The error for a name that is not there, with those that look like it. */
export function unknownFunction(name: string, known: readonly string[]): Error {
  const close = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, Math.min(candidate.length, COMPARED) / 3))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ candidate }) => candidate);
  const hint = close.length > 0 ? `; did you mean ${close.map((each) => `"${each}"`).join(" or ")}?` : "";
  return failure("CNR_ERR_UNKNOWN_FUNCTION", { name: name.slice(0, 200), hint, close });
}

/** Levenshtein's distance, on the first characters of long names. */
function editDistance(a: string, b: string): number {
  const [left, right] = [a.slice(0, COMPARED), b.slice(0, COMPARED)];
  let previous = Array.from({ length: right.length + 1 }, (_, n) => n);
  for (let i = 1; i <= left.length; i++) {
    const current = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = (previous[j - 1] as number) + (left[i - 1] === right[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] as number) + 1, (current[j - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[right.length] as number;
}
