import type { BytePages } from "../core/byte-pages.ts";
import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";

/** Which dict of a session a message is about. */
export const DictSpace = { local: 0, global: 1 } as const;
export type DictSpaceId = (typeof DictSpace)[keyof typeof DictSpace];

/** A write that needs to know nothing of what was there before. */
export type PlainDictOp =
  | { readonly kind: "set"; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "clear" };

/** A part of what has happened; a patch replaces some bytes of the key's value: see dict/byte-patch. */
export type DictChangeOp =
  | PlainDictOp
  | { readonly kind: "patch"; readonly key: string; readonly patch: Uint8Array };

/** What a key must be like for a write to happen; a replica says it in terms of what it has seen. */
export type DictCondition =
  | { readonly kind: "absent" }
  /** There, and not written since this revision. */
  | { readonly kind: "since"; readonly rev: number }
  /** As the same replica's operation so many places earlier has left it. */
  | { readonly kind: "own"; readonly distance: number };

/** One atomic operation of a replica. */
export type DictWrite =
  | PlainDictOp
  | { readonly kind: "update"; readonly changes: readonly PlainDictOp[] }
  /** Without a value: deletes the key. */
  | {
      readonly kind: "swap";
      readonly key: string;
      readonly condition: DictCondition;
      readonly value: Uint8Array | undefined;
    }
  | {
      readonly kind: "patch";
      readonly key: string;
      readonly condition: DictCondition;
      readonly patch: Uint8Array;
    }
  | { readonly kind: "increment"; readonly key: string; readonly by: number }
  /** Changes nothing: its acknowledgement says that all before it has happened, here and anywhere. */
  | { readonly kind: "barrier" };

const Kind = { set: 0, delete: 1, clear: 2, patch: 3, update: 4, swap: 5, increment: 6, barrier: 7 } as const;
const Condition = { absent: 0, since: 1, own: 2 } as const;

export function writeChangeOp(writer: ByteWriter, op: DictChangeOp): void {
  writer.byte(Kind[op.kind]);
  if (op.kind === "clear") return;
  writer.string(op.key);
  if (op.kind === "set") writer.binary(op.value);
  else if (op.kind === "patch") writer.binary(op.patch);
}

/** @param pages - where its values are kept */
export function readChangeOp(reader: ByteReader, pages: BytePages): DictChangeOp {
  switch (reader.byte()) {
    case Kind.set:
      return { kind: "set", key: reader.key(), value: reader.keptBinary(pages) };
    case Kind.delete:
      return { kind: "delete", key: reader.key() };
    case Kind.clear:
      return { kind: "clear" };
    case Kind.patch:
      return { kind: "patch", key: reader.key(), patch: reader.keptBinary(pages) };
    default:
      throw malformed("an unknown change of a dict");
  }
}

export function writeDictWrite(writer: ByteWriter, write: DictWrite): void {
  switch (write.kind) {
    case "set":
    case "delete":
    case "clear":
      writeChangeOp(writer, write);
      return;
    case "update":
      writer.byte(Kind.update);
      writer.uint(write.changes.length);
      for (const change of write.changes) writeChangeOp(writer, change);
      return;
    case "swap":
      writer.byte(Kind.swap);
      writer.string(write.key);
      writeCondition(writer, write.condition);
      writer.boolean(write.value !== undefined);
      if (write.value !== undefined) writer.binary(write.value);
      return;
    case "patch":
      writer.byte(Kind.patch);
      writer.string(write.key);
      writeCondition(writer, write.condition);
      writer.binary(write.patch);
      return;
    case "increment":
      writer.byte(Kind.increment);
      writer.string(write.key);
      writer.float(write.by);
      return;
    case "barrier":
      writer.byte(Kind.barrier);
      return;
  }
}

/** @param pages - where its values are kept */
export function readDictWrite(reader: ByteReader, pages: BytePages): DictWrite {
  const kind = reader.byte();
  switch (kind) {
    case Kind.set:
      return { kind: "set", key: reader.key(), value: reader.keptBinary(pages) };
    case Kind.delete:
      return { kind: "delete", key: reader.key() };
    case Kind.clear:
      return { kind: "clear" };
    case Kind.update:
      return { kind: "update", changes: readUpdate(reader, pages) };
    case Kind.swap: {
      const key = reader.key();
      const condition = readCondition(reader);
      return { kind: "swap", key, condition, value: reader.boolean() ? reader.keptBinary(pages) : undefined };
    }
    case Kind.patch:
      return {
        kind: "patch",
        key: reader.key(),
        condition: readCondition(reader),
        patch: reader.keptBinary(pages),
      };
    case Kind.increment:
      return { kind: "increment", key: reader.key(), by: readFloat(reader) };
    case Kind.barrier:
      return { kind: "barrier" };
    default:
      throw malformed("an unknown write to a dict");
  }
}

function readUpdate(reader: ByteReader, pages: BytePages): PlainDictOp[] {
  const changes: PlainDictOp[] = [];
  for (let left = reader.count(1); left > 0; left--) {
    const change = readChangeOp(reader, pages);
    if (change.kind === "patch") throw malformed("a patch without a condition");
    changes.push(change);
  }
  return changes;
}

function writeCondition(writer: ByteWriter, condition: DictCondition): void {
  writer.byte(Condition[condition.kind]);
  if (condition.kind === "since") writer.uint(condition.rev);
  else if (condition.kind === "own") writer.uint(condition.distance);
}

function readCondition(reader: ByteReader): DictCondition {
  switch (reader.byte()) {
    case Condition.absent:
      return { kind: "absent" };
    case Condition.since:
      return { kind: "since", rev: reader.uint() };
    case Condition.own:
      return { kind: "own", distance: reader.uint() };
    default:
      throw malformed("an unknown condition");
  }
}

function readFloat(reader: ByteReader): number {
  if (reader.byte() !== 0xcb) throw malformed("a number is missing");
  return reader.float();
}
