import { failure } from "../core/errors.ts";
import { ByteReader, corrupt } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Command } from "./commands.ts";
import type { DictOp } from "./store.ts";

/** Commands that are applied at one time: the unit that logs store. */
export interface CommandBatch {
  readonly timeMs: number;
  readonly commands: readonly Command[];
}

/**
 * A batch is: the version, the time, the commands. Raise the version with every change that an older program would
 * misread, and go on reading the older ones: stored logs outlive programs. test/golden/store-commands.hex holds examples.
 */
const VERSION = 1;

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
  const out = new ByteWriter();
  out.count(VERSION);
  out.count(timeMs);
  out.count(commands.length);
  for (const command of commands) {
    out.byte(KINDS.indexOf(command.kind));
    writeFields(out, command);
  }
  return out.finish();
}

/** Fails with `CNR_ERR_STORE_FORMAT` for a version that is not known here, and with `CNR_ERR_STORE_CORRUPT` for damaged bytes. */
export function decodeCommands(bytes: Uint8Array): CommandBatch {
  const input = new ByteReader(bytes);
  const version = input.count();
  if (version !== VERSION) throw failure("CNR_ERR_STORE_FORMAT", { found: version, known: VERSION });
  const timeMs = input.count();
  const commands = input.list(() => readCommand(input));
  input.end();
  return { timeMs, commands };
}

function writeFields(out: ByteWriter, command: Command): void {
  switch (command.kind) {
    case "tick":
      return;
    case "commit":
      out.text(command.origin);
      out.count(command.ops.length);
      for (const op of command.ops) writeOp(out, op);
      return;
    case "put":
      out.text(command.queue);
      out.bytes(command.body);
      out.flag(command.id !== undefined);
      if (command.id !== undefined) out.text(command.id);
      out.count(command.delayMs);
      out.integer(command.priority);
      return;
    case "consume":
      out.count(command.consumer);
      out.text(command.queue);
      out.text(command.owner);
      out.count(command.leaseMs);
      return;
    case "demand":
    case "withdraw":
      out.count(command.consumer);
      out.count(command.credits);
      return;
    case "closeConsumer":
      out.count(command.consumer);
      return;
    case "ack":
      out.count(command.token);
      return;
    case "nack":
      out.count(command.token);
      out.count(command.delayMs);
      return;
    case "move":
      out.count(command.token);
      out.text(command.queue);
      out.flag(command.body !== undefined);
      if (command.body !== undefined) out.bytes(command.body);
      return;
    case "extend":
      out.count(command.token);
      out.count(command.leaseMs);
      return;
    case "release":
      out.text(command.owner);
      return;
    case "purge":
    case "closeQueue":
      out.text(command.queue);
      return;
  }
}

// Object literals are evaluated from left to right: their fields stand in the order of the bytes.
function readCommand(input: ByteReader): Command {
  const kind = KINDS[input.byte()];
  switch (kind) {
    case undefined:
      throw corrupt("a command of unknown kind");
    case "tick":
      return { kind };
    case "commit":
      return { kind, origin: input.text(), ops: input.list(() => readOp(input)) };
    case "put":
      return {
        kind,
        queue: input.text(),
        body: input.bytes(),
        id: input.flag() ? input.text() : undefined,
        delayMs: input.count(),
        priority: input.integer(),
      };
    case "consume":
      return {
        kind,
        consumer: input.count(),
        queue: input.text(),
        owner: input.text(),
        leaseMs: input.count(),
      };
    case "demand":
    case "withdraw":
      return { kind, consumer: input.count(), credits: input.count() };
    case "closeConsumer":
      return { kind, consumer: input.count() };
    case "ack":
      return { kind, token: input.count() };
    case "nack":
      return { kind, token: input.count(), delayMs: input.count() };
    case "move":
      return {
        kind,
        token: input.count(),
        queue: input.text(),
        body: input.flag() ? input.bytes() : undefined,
      };
    case "extend":
      return { kind, token: input.count(), leaseMs: input.count() };
    case "release":
      return { kind, owner: input.text() };
    case "purge":
    case "closeQueue":
      return { kind, queue: input.text() };
  }
}

function writeOp(out: ByteWriter, op: DictOp): void {
  out.byte(OP_KINDS.indexOf(op.kind));
  if (op.kind === "clear") return;
  out.text(op.key);
  if (op.kind === "set") out.bytes(op.value);
  // Shifted by one: 0 stands for "no condition", 1 for "must be absent".
  out.count(op.ifRev === undefined ? 0 : op.ifRev + 1);
}

function readOp(input: ByteReader): DictOp {
  const kind = OP_KINDS[input.byte()];
  if (kind === undefined) throw corrupt("an operation of unknown kind");
  if (kind === "clear") return { kind };
  const key = input.text();
  if (kind === "set") return { kind, key, value: input.bytes(), ...readCondition(input) };
  return { kind, key, ...readCondition(input) };
}

function readCondition(input: ByteReader): { readonly ifRev?: number } {
  const shifted = input.count();
  return shifted === 0 ? {} : { ifRev: shifted - 1 };
}
