import type { FunctionCodec } from "../../../src/codec/function-codec.ts";

/** Functions by value, as simply as can be: their source text. */
export const sourceFunctions: FunctionCodec = {
  write: (writer, fn) => writer.string(String(fn)),
  read: (reader) => new Function(`return (${reader.string()})`)(),
};
