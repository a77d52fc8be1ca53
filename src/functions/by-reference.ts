import type { FunctionCodec } from "../codec/function-codec.ts";
import { malformed } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";
import { FunctionForm, isByValue, portableForm, readByValue } from "./by-value.ts";
import { type AnyFunction, writeCapturedFunction } from "./captured-function.ts";
import type { FunctionHost } from "./function-host.ts";
import type { ReferenceTable } from "./references.ts";

const MAX_NAME_CHARACTERS = 256;

/** Functions in arguments and results of calls: live callbacks, unless marked with `byValue`. */
export function functionsByReference(
  references: ReferenceTable,
  host: FunctionHost,
  mayRunCode: boolean,
): FunctionCodec {
  return {
    begin: () => references.begin(),
    rollBack: () => references.rollBack(),
    write(writer, fn, path) {
      if (isByValue(fn)) {
        writer.uint(FunctionForm.value);
        return writeCapturedFunction(writer, portableForm(fn, host, path));
      }
      const home = references.homeOf(fn);
      if (home !== undefined) {
        writer.uint(FunctionForm.home);
        return writer.uint(home);
      }
      writer.uint(FunctionForm.reference);
      writer.uint(references.lend(fn));
      // A class may have a static member of this name.
      writer.string(String(fn.name).slice(0, MAX_NAME_CHARACTERS));
    },
    read(reader): AnyFunction {
      const form = reader.uint();
      if (form === FunctionForm.value) return readByValue(reader, host, mayRunCode);
      if (form === FunctionForm.reference) return references.borrow(reader.uint(), reader.string());
      if (form !== FunctionForm.home) throw malformed(`unknown form of a function: ${form}`);
      const id = reader.uint();
      // It may have been taken back on the way; then it is a function that says so.
      return references.find(id) ?? released;
    },
  };
}

function released(): never {
  throw failure("CNR_ERR_RELEASED");
}
