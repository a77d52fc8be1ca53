let capturedResolve: (value: never) => void;
let capturedReject: (reason: unknown) => void;
// One executor for all promises: no closure per call on the hot path.
const capture = (resolve: (value: never) => void, reject: (reason: unknown) => void): void => {
  capturedResolve = resolve;
  capturedReject = reject;
};
const ignore = (): void => {};

/** A promise and the two functions that settle it. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly #reject: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise<T>(capture as never);
    this.resolve = capturedResolve as never;
    this.#reject = capturedReject;
  }

  /** A failure that nobody awaits stays in its promise: it must not end a process of Connector's users. */
  reject(reason: unknown): void {
    this.promise.catch(ignore);
    this.#reject(reason);
  }
}

/** The same promise, which nobody has to await. */
export function contained<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/** A promise that is rejected already, and that nobody has to await. */
export function rejected<T = never>(reason: unknown): Promise<T> {
  return contained(Promise.reject<T>(reason as Error));
}
