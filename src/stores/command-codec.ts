import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { Command } from "./commands.ts";
import type { DictOp } from "./store.ts";
import {
  decodeStored,
  encodeStored,
  readBytes,
  readInteger,
  readList,
  readText,
  type StoredForm,
  writeText,
} from "./stored-format.ts";

/** Commands that are applied at one time: the unit that logs store. */
export interface CommandBatch {
  readonly timeMs: number;
  readonly commands: readonly Command[];
}

/** "C": the time, then the commands. test/golden/store-commands.hex holds one of each. */
const FORM: StoredForm = { tag: 0x43, version: 1 };

/** The position is the number on disk: only append. */
const KINDS = [
  "tick",
  "commit",
  "put",
  "consume",
  "demand",
  "withdraw",
  "closeConsumer",
  "ack",
  "nack",
  "move",
  "extend",
  "release",
  "purge",
  "closeQueue",
] as const satisfies readonly Command["kind"][];

const OP_KINDS = ["set", "delete", "clear"] as const satisfies readonly DictOp["kind"][];

export function encodeCommands({ timeMs, commands }: CommandBatch): Uint8Array {
  return encodeStored(FORM, (out) => {
    out.uint(timeMs);
    out.uint(commands.length);
    for (const command of commands) {
      out.byte(KINDS.indexOf(command.kind));
      writeFields(out, command);
    }
  });
}

/** Fails with `CNR_ERR_STORE_FORMAT` for a version that is not known here, and with `CNR_ERR_STORE_CORRUPT` for any other bytes. */
export function decodeCommands(bytes: Uint8Array): CommandBatch {
  return decodeStored(bytes, FORM, (input) => ({
    timeMs: input.uint(),
    commands: readList(input, () => readCommand(input)),
  }));
}

function writeFields(out: ByteWriter, command: Command): void {
  switch (command.kind) {
    case "tick":
      return;
    case "commit":
      writeText(out, command.origin);
      out.uint(command.ops.length);
      for (const op of command.ops) writeOp(out, op);
      return;
    case "put":
      writeText(out, command.queue);
      out.binary(command.body);
      out.boolean(command.id !== undefined);
      if (command.id !== undefined) writeText(out, command.id);
      out.uint(command.delayMs);
      out.number(command.priority);
      return;
    case "consume":
      out.uint(command.consumer);
      writeText(out, command.queue);
      writeText(out, command.owner);
      out.uint(command.leaseMs);
      return;
    case "demand":
    case "withdraw":
      out.uint(command.consumer);
      out.uint(command.credits);
      return;
    case "closeConsumer":
      out.uint(command.consumer);
      return;
    case "ack":
      out.uint(command.token);
      return;
    case "nack":
      out.uint(command.token);
      out.uint(command.delayMs);
      return;
    case "move":
      out.uint(command.token);
      writeText(out, command.queue);
      out.boolean(command.body !== undefined);
      if (command.body !== undefined) out.binary(command.body);
      return;
    case "extend":
      out.uint(command.token);
      out.uint(command.leaseMs);
      return;
    case "release":
      writeText(out, command.owner);
      return;
    case "purge":
    case "closeQueue":
      writeText(out, command.queue);
      return;
  }
}

// Object literals are evaluated from left to right: their fields stand in the order of the bytes.
function readCommand(input: ByteReader): Command {
  const kind: Command["kind"] | undefined = KINDS[input.byte()];
  if (kind === undefined) throw malformed("a command of unknown kind");
  switch (kind) {
    case "tick":
      return { kind };
    case "commit":
      return { kind, origin: readText(input), ops: readList(input, () => readOp(input)) };
    case "put":
      return {
        kind,
        queue: readText(input),
        body: readBytes(input),
        id: input.boolean() ? readText(input) : undefined,
        delayMs: input.uint(),
        priority: readInteger(input),
      };
    case "consume":
      return {
        kind,
        consumer: input.uint(),
        queue: readText(input),
        owner: readText(input),
        leaseMs: input.uint(),
      };
    case "demand":
    case "withdraw":
      return { kind, consumer: input.uint(), credits: input.uint() };
    case "closeConsumer":
      return { kind, consumer: input.uint() };
    case "ack":
      return { kind, token: input.uint() };
    case "nack":
      return { kind, token: input.uint(), delayMs: input.uint() };
    case "move":
      return {
        kind,
        token: input.uint(),
        queue: readText(input),
        body: input.boolean() ? readBytes(input) : undefined,
      };
    case "extend":
      return { kind, token: input.uint(), leaseMs: input.uint() };
    case "release":
      return { kind, owner: readText(input) };
    case "purge":
    case "closeQueue":
      return { kind, queue: readText(input) };
  }
}

function writeOp(out: ByteWriter, op: DictOp): void {
  out.byte(OP_KINDS.indexOf(op.kind));
  if (op.kind === "clear") return;
  writeText(out, op.key);
  if (op.kind === "set") out.binary(op.value);
  // Shifted by one: 0 stands for "no condition", 1 for "must be absent".
  out.uint(op.ifRev === undefined ? 0 : op.ifRev + 1);
}

function readOp(input: ByteReader): DictOp {
  const kind = OP_KINDS[input.byte()];
  if (kind === undefined) throw malformed("an operation of unknown kind");
  if (kind === "clear") return { kind };
  const key = readText(input);
  if (kind === "set") return { kind, key, value: readBytes(input), ...readCondition(input) };
  return { kind, key, ...readCondition(input) };
}

function readCondition(input: ByteReader): { readonly ifRev?: number } {
  const shifted = input.uint();
  return shifted === 0 ? {} : { ifRev: shifted - 1 };
}
