import type { FunctionCodec } from "../codec/function-codec.ts";
import { malformed } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";
import { FunctionForm, readByValue, writeByValue } from "./by-value.ts";
import type { AnyFunction } from "./captured-function.ts";
import type { FunctionHost } from "./function-host.ts";
import type { ReferenceTable } from "./references.ts";
import { markOf, type Travels } from "./travel-mark.ts";

const MAX_NAME_CHARACTERS = 256;

/**
 * Functions that travel over one link and end with it: in calls and pipes.
 *
 * @param unmarked - how those travel that are marked neither by `byValue` nor by `byReference`
 */
export function functionsOverLink(
  references: ReferenceTable,
  host: FunctionHost,
  mayRunCode: boolean,
  unmarked: Travels,
): FunctionCodec {
  return {
    begin: () => references.begin(),
    rollBack: () => references.rollBack(),
    setAside: () => references.setAside(),
    write(writer, fn, path) {
      const mark = markOf(fn);
      const home = mark === "value" ? undefined : references.homeOf(fn);
      if (home !== undefined) {
        writer.uint(FunctionForm.home);
        return writer.uint(home);
      }
      if ((mark ?? unmarked) === "value") return writeByValue(writer, fn, path, host);
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
