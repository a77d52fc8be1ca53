import type { AnyFunction } from "../functions/captured-function.ts";

/** What a called function can learn about its call. */
export class CallContext {
  /** Who calls: the server's peer, or the client's server side. */
  readonly peer: unknown;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(peer: unknown) {
    this.peer = peer;
  }

  /** Aborts when the caller cancels, or when its link ends. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** Called by the call table: most functions never look, so the controller is made when one does. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }
}

let current: CallContext | undefined;

/**
 * The call that the running function serves. Ask for it before the function's first `await`.
 *
 * @example
 * server.expose({
 *   async search(text: string) {
 *     const { signal } = getContext();
 *     for (const page of pages) { signal.throwIfAborted(); await look(page, text); }
 *   },
 * });
 */
export function getContext(): CallContext {
  if (!current) throw new TypeError("getContext() works only in a called function, before its first await");
  return current;
}

/** Its name marks, in the stack of an error, where the library called: see `withLocalFrames`. */
export function callInContext(
  context: CallContext,
  fn: AnyFunction,
  self: unknown,
  args: unknown[],
): unknown {
  const outer = current;
  current = context;
  try {
    return Reflect.apply(fn, self, args);
  } finally {
    current = outer;
  }
}
