import type { Future } from "../core/future.ts";
import type { HasAnyMember, IsAny, Loose } from "../core/loose.ts";

/** Asked for by `await`, printing and inspection: never the name of a remote function. */
const NOT_REMOTE: ReadonlySet<string> = new Set([
  "then",
  "catch",
  "finally",
  "toJSON",
  "toString",
  "valueOf",
  "constructor",
  "prototype",
]);

/** What a function of the other side looks like here: the same parameters, and a `Future` of what it gives. */
type RemoteFunction<F> =
  IsAny<F> extends true
    ? Loose
    : F extends (...args: infer Args) => infer Result
      ? (...args: Args) => Future<RemoteResult<Awaited<Result>>>
      : F extends object
        ? RemoteFunctions<F>
        : never;

/** An async generator there is an async iterable here. */
type RemoteResult<Result> =
  Result extends AsyncGenerator<infer Item, unknown, never> ? AsyncGenerator<Item, void, undefined> : Result;

export type RemoteFunctions<Functions> =
  HasAnyMember<Functions> extends true
    ? Loose
    : { readonly [Name in keyof Functions]: RemoteFunction<Functions[Name]> };

/**
 * A view on the other side's functions: `remote.math.add(1, 2)` calls the function exposed as `math.add`.
 *
 * @param call - makes the call
 */
export function remoteView<Functions>(
  call: (name: string, args: unknown[]) => Future<unknown>,
): RemoteFunctions<Functions> {
  return viewOf(call, "") as RemoteFunctions<Functions>;
}

function viewOf(call: (name: string, args: unknown[]) => Future<unknown>, name: string): object {
  const members = new Map<string, object>();
  const target = Object.defineProperty((...args: unknown[]) => call(name, args), "name", {
    value: name || "remote",
  });
  return new Proxy(target, {
    get(_, key) {
      if (typeof key !== "string" || NOT_REMOTE.has(key)) return undefined;
      const member = members.get(key) ?? viewOf(call, name === "" ? key : `${name}.${key}`);
      members.set(key, member);
      return member;
    },
    apply(_, __, args: unknown[]) {
      if (name === "") throw new TypeError("remote is no function: call remote.name(...)");
      return call(name, args);
    },
    set: () => false,
    has: () => false,
    ownKeys: () => [],
    getOwnPropertyDescriptor: () => undefined,
  });
}
