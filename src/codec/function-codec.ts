import type { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { SignalCodec } from "./signal-codec.ts";

export type AnyFunction = (...args: never[]) => unknown;

/** How functions inside values travel: by value in dicts, pipes and queues; as live callbacks in calls. The sender may choose. */
export interface FunctionCodec {
  /** A value is about to be written. */
  begin?(): void;
  /** What was written since `begin` is not sent: it is written anew, or the value cannot travel. */
  rollBack?(): void;
  /** What was written since `begin` waits: gives what takes it back should it never be sent, where there is such a thing. */
  setAside?(): (() => void) | undefined;
  /**
   * Writes a function, or throws the `CodecError` that says why it cannot travel.
   *
   * @param path - where the function stands in the value, for the error
   */
  write(writer: ByteWriter, fn: AnyFunction, path: string): void;
  read(reader: ByteReader): AnyFunction;
  /** How AbortSignals travel beside them; left out, they are refused. */
  readonly signals?: SignalCodec;
}
