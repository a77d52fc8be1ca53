import type { AnyFunction, CapturedFunction } from "./captured-function.ts";

/** What a platform can do with functions: the browser's and Node's differ, the wire does not. */
export interface FunctionHost {
  /** The portable form of a function; throws a `CodecError` that names `path` and says why it cannot travel. */
  capture(fn: AnyFunction, path: string): CapturedFunction;
  /** Compiles: only where the sender may run code here. */
  revive(captured: CapturedFunction): AnyFunction;
}
