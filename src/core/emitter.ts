type Listener<A extends unknown[]> = (...args: A) => unknown;

/** What a listener threw, for which event. Nobody is told of errors of error listeners: they would be told them again. */
export type ListenerError = (error: unknown, name: PropertyKey, args: readonly unknown[]) => void;

/**
 * Events by name, typed. A listener that throws (or whose promise rejects) never reaches the code that emits:
 * its error goes to `onListenerError`.
 */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();
  readonly #onListenerError: ListenerError;

  constructor(onListenerError: ListenerError) {
    this.#onListenerError = onListenerError;
  }

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => unknown): Disposable {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // Of its own, so that the same function may listen twice, and each stops by itself.
    const entry: Listener<Events[Name]> = (...args) => listener(...args);
    listeners.add(entry);
    return { [Symbol.dispose]: () => void listeners.delete(entry) };
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (!listeners) return;
    for (const listener of [...listeners]) {
      callSafely(listener as Listener<Events[Name]>, args, (error) => {
        if (name !== "error") this.#onListenerError(error, name, args);
      });
    }
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
