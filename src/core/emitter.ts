type Listener<A extends unknown[]> = (...args: A) => unknown;

/**
 * Events by name, typed. A listener that throws (or whose promise rejects) never reaches the code that emits:
 * its error goes to `onListenerError`.
 */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Disposable {
    let listeners = this.#listeners.get(name);
    if (!listeners) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  has(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (!listeners) return;
    for (const listener of [...listeners]) callSafely(listener as Listener<Events[Name]>, args, this.#onListenerError);
  }
}

/** Calls a user's function whose failure must not reach the caller. */
export function callSafely<A extends unknown[]>(
  listener: (...args: A) => unknown,
  args: A,
  onError: (error: unknown) => void,
): void {
  try {
    const result = listener(...args);
    if (result instanceof Promise) result.catch(onError);
  } catch (error) {
    onError(error);
  }
}
