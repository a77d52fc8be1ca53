import { ByteReader } from "../core/byte-reader.ts";
import type { FunctionCodec } from "./function-codec.ts";
import { ValueDecoder } from "./value-decoder.ts";

const FOUND = new Error("a function");

const stopAtFunction: FunctionCodec = {
  write() {
    throw FOUND;
  },
  read() {
    throw FOUND;
  },
};

/**
 * Whether a plain value has a function in it. It is asked of what comes from those who may not bring code, before others
 * can read it. Throws `CNR_ERR_UNDECODABLE` for bytes that are no value.
 */
export function holdsFunction(bytes: Uint8Array, maxDepth: number): boolean {
  try {
    new ValueDecoder({ maxDepth, shapes: false }).decode(new ByteReader(bytes), stopAtFunction);
    return false;
  } catch (error) {
    if (error === FOUND) return true;
    throw error;
  }
}
