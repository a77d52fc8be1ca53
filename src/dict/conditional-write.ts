import { ByteReader } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import type { DictCondition, DictWrite } from "../protocol/dict-messages.ts";
import type { DictEntry, DictOp } from "../stores/store.ts";
import type { AuthorityMember } from "./authority-member.ts";
import { applyPatch } from "./byte-patch.ts";

/** Writes whose outcome depends on what is there. */
export type ConditionalWrite = Extract<DictWrite, { readonly kind: "swap" | "patch" | "increment" }>;

/**
 * What a conditional write comes to, given what its key holds: a commit that happens only if the key still holds it then,
 * or why it is refused.
 */
export function evaluate(
  write: ConditionalWrite,
  entry: DictEntry | undefined,
  member: AuthorityMember,
  maxValueBytes: number,
): DictOp | ErrorCode {
  const { key } = write;
  const ifRev = entry?.rev ?? 0;
  if (write.kind === "increment") {
    const number = entry ? readNumber(entry.value) : 0;
    return number === undefined
      ? "CNR_ERR_NOT_A_NUMBER"
      : { kind: "set", key, value: encodeNumber(number + write.by), ifRev };
  }
  if (!holds(write.condition, entry, member)) return "CNR_ERR_CONFLICT";
  if (write.kind === "patch") {
    return { kind: "set", key, value: applyPatch(entry?.value, write.patch, maxValueBytes), ifRev };
  }
  return write.value ? { kind: "set", key, value: write.value, ifRev } : { kind: "delete", key, ifRev };
}

function holds(condition: DictCondition, entry: DictEntry | undefined, member: AuthorityMember): boolean {
  if (!entry) return condition.kind === "absent";
  if (condition.kind === "since") return entry.rev <= condition.rev;
  return condition.kind === "own" && member.hasCommitted(condition.distance, entry.rev);
}

/** The number that these bytes are; undefined for any other value. */
function readNumber(bytes: Uint8Array): number | undefined {
  const reader = new ByteReader(bytes);
  const number = reader.numberOf(reader.byte());
  return reader.done ? number : undefined;
}

function encodeNumber(number: number): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(9));
  writer.number(number);
  return writer.bytes.slice(0, writer.position);
}
