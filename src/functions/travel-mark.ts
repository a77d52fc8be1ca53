import type { AnyFunction } from "./captured-function.ts";

/** How a function travels: as its code, or as a live callback that calls back over the link. */
export type Travels = "value" | "reference";

const marks = new WeakMap<AnyFunction, Travels>();

/**
 * Makes a function travel as its code, also where functions travel as live callbacks: in arguments and results of calls.
 * The last mark of a function counts.
 *
 * @returns the same function
 * @example
 * await client.callRemote("setFilter", [byValue((line: string) => line.includes("error"))]);
 */
export function byValue<F extends AnyFunction>(fn: F): F {
  marks.set(fn, "value");
  return fn;
}

/**
 * Makes a function travel as a live callback, also through a pipe, where functions travel as their code. The receiver's
 * calls run here, until it gives the function back with `release`, no longer refers to it, or the link ends. Dicts,
 * queues and broadcasts refuse it with `CNR_ERR_UNSENDABLE`: what they hold outlives the link to this program.
 * The last mark of a function counts.
 *
 * @returns the same function
 * @example
 * await client.pipes.watchers.send({ onChange: byReference((file: string) => seen.push(file)) });
 */
export function byReference<F extends AnyFunction>(fn: F): F {
  marks.set(fn, "reference");
  return fn;
}

/** What its owner chose, if anything. */
export function markOf(fn: AnyFunction): Travels | undefined {
  return marks.get(fn);
}
