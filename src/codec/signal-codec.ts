import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { Extension } from "./extension-types.ts";
import type { ValueDecoder } from "./value-decoder.ts";
import type { ValueEncoder } from "./value-encoder.ts";

/** How AbortSignals inside values travel that have not aborted yet. */
export interface SignalCodec {
  /** The number under which the other side will hear that a signal of ours aborts: from 1. */
  lend(signal: AbortSignal): number;
  /** A signal that aborts when the other side's signal of this number does. */
  borrow(id: number): AbortSignal;
}

/** In the place of a number: it has aborted, and its reason follows. */
const ABORTED = 0;

export function writeSignal(encoder: ValueEncoder, writer: ByteWriter, signal: AbortSignal): void {
  const { signals } = encoder;
  if (!signals) throw encoder.unsendable("an AbortSignal travels in the arguments of a call only");
  writer.escape(Extension.signal);
  if (!signal.aborted) return writer.uint(signals.lend(signal));
  writer.uint(ABORTED);
  encoder.writeAt(writer, "reason", signal.reason);
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
  if (id !== ABORTED) {
    const signal = signals.borrow(id);
    register(signal);
    return signal;
  }
  const controller = new AbortController();
  register(controller.signal);
  controller.abort(decoder.read(reader));
  return controller.signal;
}
