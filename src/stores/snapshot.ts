import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { DictState } from "./dict-state.ts";
import { readQueues, writeQueues } from "./queue-snapshot.ts";
import type { DictEntry } from "./store.ts";
import type { StoreMachine } from "./store-machine.ts";
import {
  decodeStored,
  encodeStored,
  readBytes,
  readList,
  readText,
  type StoredForm,
  writeText,
} from "./stored-format.ts";

/** "S": the time, the dict, the queues. test/golden/store-snapshot.hex holds one with everything in it. */
const FORM: StoredForm = { tag: 0x53, version: 1 };

/** The whole state as bytes. Machines in the same state give the same bytes. */
export function encodeSnapshot(machine: StoreMachine): Uint8Array {
  return encodeStored(FORM, (out) => {
    out.uint(machine.nowMs);
    writeDict(out, machine.dict);
    writeQueues(out, machine.queues.table);
  });
}

/**
 * Brings a new machine into the state of a snapshot, without effects. When it fails, the machine must not be used:
 * `CNR_ERR_STORE_FORMAT` for a version that is not known here, `CNR_ERR_STORE_CORRUPT` for any other bytes.
 */
export function loadSnapshot(bytes: Uint8Array, machine: StoreMachine): void {
  decodeStored(bytes, FORM, (input) => {
    machine.nowMs = input.uint();
    readDict(input, machine.dict);
    readQueues(input, machine.queues.table);
  });
}

function writeDict(out: ByteWriter, dict: DictState): void {
  out.uint(dict.rev);
  out.uint(dict.size);
  for (const [key, entry] of dict.entries()) {
    writeText(out, key);
    out.uint(entry.rev);
    out.binary(entry.value);
  }
}

function readDict(input: ByteReader, dict: DictState): void {
  const rev = input.uint();
  const entries = readList(input, (): [string, DictEntry] => [
    readText(input),
    { rev: input.uint(), value: readBytes(input) },
  ]);
  if (entries.some(([, entry]) => entry.rev < 1 || entry.rev > rev))
    throw malformed("a revision is out of range");
  dict.restore(rev, entries);
  if (dict.size < entries.length) throw malformed("a key stands twice");
}
