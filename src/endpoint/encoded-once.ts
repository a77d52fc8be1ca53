import { ValueEncoder } from "../codec/value-encoder.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import type { Limits } from "../core/limits.ts";
import { functionsByValue } from "../functions/by-value.ts";
import type { FunctionHost } from "../functions/function-host.ts";

/** Encodes values that go to many, as each of them could read it by itself. */
export function onceEncoder(host: FunctionHost, limits: Readonly<Limits>): (value: unknown) => Uint8Array {
  const encoder = new ValueEncoder({ ...limits, shapes: false });
  const functions = functionsByValue(host, false);
  return (value) => {
    const writer = new ByteWriter();
    encoder.encode(writer, value, functions);
    return writer.bytes.subarray(0, writer.position);
  };
}
