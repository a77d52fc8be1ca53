import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { Extension } from "./extension-types.ts";
import type { ValueDecoder } from "./value-decoder.ts";
import type { ValueEncoder } from "./value-encoder.ts";

/** How AbortSignals inside values travel. */
export interface SignalCodec {
  /** The number under which the other side will hear that this signal of ours aborts; `ABORTED` where it has. */
  lend(signal: AbortSignal): number;
  /** What aborts the stand-in of the other side's signal of this number. */
  borrow(id: number): AbortController;
}

/** In the place of a number: it has aborted, and its reason follows. Numbers begin above it. */
export const ABORTED = 0;

export function writeSignal(encoder: ValueEncoder, writer: ByteWriter, signal: AbortSignal): void {
  const { signals } = encoder;
  if (!signals) throw encoder.unsendable("an AbortSignal travels in the arguments of a call only");
  const id = signals.lend(signal);
  writer.escape(Extension.signal);
  writer.uint(id);
  if (id === ABORTED) encoder.writeAt(writer, "reason", signal.reason);
}

/** @param register - called before the reason is read, so that it may lead back to the signal */
export function readSignal(
  decoder: ValueDecoder,
  reader: ByteReader,
  signals: SignalCodec | undefined,
  register: (signal: AbortSignal) => void,
): AbortSignal {
  if (!signals) throw malformed("a signal where none is taken");
  const id = reader.uint();
  const controller = signals.borrow(id);
  register(controller.signal);
  if (id === ABORTED) controller.abort(decoder.read(reader));
  return controller.signal;
}
