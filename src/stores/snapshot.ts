import { failure } from "../core/errors.ts";
import { ByteReader, corrupt } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { DictState } from "./dict-state.ts";
import { readQueues, writeQueues } from "./queue-snapshot.ts";
import type { DictEntry } from "./store.ts";
import type { StoreMachine } from "./store-machine.ts";

/** "CNRS", so that a foreign file is told from a damaged one, and the version: see command-codec.ts for when to raise it. */
const MAGIC = [0x43, 0x4e, 0x52, 0x53] as const;
const VERSION = 1;

/** The whole state as bytes. Machines in the same state give the same bytes. */
export function encodeSnapshot(machine: StoreMachine): Uint8Array {
  const out = new ByteWriter();
  for (const byte of MAGIC) out.byte(byte);
  out.count(VERSION);
  out.count(machine.nowMs);
  writeDict(out, machine.dict);
  writeQueues(out, machine.queues.table);
  return out.finish();
}

/**
 * Brings a new machine into the state of a snapshot, without effects. When it fails, the machine must not be used:
 * `CNR_ERR_STORE_FORMAT` for a version that is not known here, `CNR_ERR_STORE_CORRUPT` for damaged bytes.
 */
export function loadSnapshot(bytes: Uint8Array, machine: StoreMachine): void {
  const input = new ByteReader(bytes);
  for (const byte of MAGIC) if (input.byte() !== byte) throw corrupt("it is not a snapshot");
  const version = input.count();
  if (version !== VERSION) throw failure("CNR_ERR_STORE_FORMAT", { found: version, known: VERSION });
  machine.nowMs = input.count();
  readDict(input, machine.dict);
  readQueues(input, machine.queues.table);
  input.end();
}

function writeDict(out: ByteWriter, dict: DictState): void {
  out.count(dict.rev);
  out.count(dict.size);
  for (const [key, entry] of dict.entries()) {
    out.text(key);
    out.count(entry.rev);
    out.bytes(entry.value);
  }
}

function readDict(input: ByteReader, dict: DictState): void {
  const rev = input.count();
  const entries = input.list((): [string, DictEntry] => [
    input.text(),
    { rev: input.count(), value: input.bytes() },
  ]);
  if (entries.some(([, entry]) => entry.rev < 1 || entry.rev > rev))
    throw corrupt("a revision is out of range");
  dict.restore(rev, entries);
  if (dict.size < entries.length) throw corrupt("a key stands twice");
}
