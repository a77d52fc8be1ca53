import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";

/** Whose queue a name means: those of one client and its peer, or those of all. */
export const QueueSpace = { local: 0, global: 1 } as const;
export type QueueSpace = (typeof QueueSpace)[keyof typeof QueueSpace];

/** What can be asked of a queue; `size` and `clear` are answered with a number. */
export const QueueQuestion = { size: 0, clear: 1, close: 2 } as const;
export type QueueQuestion = (typeof QueueQuestion)[keyof typeof QueueQuestion];

export const MAX_QUEUE_NAME_CHARACTERS = 1024;
export const MAX_ITEM_ID_CHARACTERS = 1024;
/** Handles of one link: a queue in use takes one, and one more for each get with a signal or a time-out at the same time. */
export const MAX_QUEUE_HANDLES = 65_536;
/** Unused credits of one handle. */
export const MAX_QUEUE_DEMAND: number = 2 ** 31;

const PutFlag = { id: 1, delay: 2, priority: 4, tries: 8 } as const;
const ALL_PUT_FLAGS = 15;

export interface PutFields {
  readonly id: string | undefined;
  /** Whole milliseconds. */
  readonly delayMs: number;
  readonly priority: number;
  /** A put that does not wait for room. */
  readonly tries: boolean;
}

export const PLAIN_PUT: PutFields = { id: undefined, delayMs: 0, priority: 0, tries: false };

export interface OpenFields {
  readonly handle: number;
  readonly space: QueueSpace;
  readonly name: string;
}

/** The client numbers its handles, and never uses a number twice. */
export function writeQueueOpen(writer: ByteWriter, { handle, space, name }: OpenFields): void {
  writer.uint(handle);
  writer.byte(space);
  writer.string(name);
}

export function readQueueOpen(reader: ByteReader): OpenFields {
  const handle = reader.uint();
  const space = reader.byte();
  if (space !== QueueSpace.local && space !== QueueSpace.global)
    throw malformed(`there is no queue space ${space}`);
  const name = reader.key();
  if (name.length > MAX_QUEUE_NAME_CHARACTERS) throw malformed("a queue's name is too long");
  return { handle, space, name };
}

/** All of a put but its value, which follows as binary. */
export function writePutFields(writer: ByteWriter, handle: number, fields: PutFields): void {
  const { id, delayMs, priority, tries } = fields;
  writer.uint(handle);
  writer.byte(
    (id === undefined ? 0 : PutFlag.id) |
      (delayMs === 0 ? 0 : PutFlag.delay) |
      (priority === 0 ? 0 : PutFlag.priority) |
      (tries ? PutFlag.tries : 0),
  );
  if (id !== undefined) writer.string(id);
  if (delayMs !== 0) writer.uint(delayMs);
  if (priority !== 0) writer.number(priority);
}

/** What follows the handle. */
export function readPutFields(reader: ByteReader): PutFields {
  const flags = reader.byte();
  if (flags === 0) return PLAIN_PUT;
  if (flags > ALL_PUT_FLAGS) throw malformed("a put with unknown flags");
  const id = flags & PutFlag.id ? reader.string() : undefined;
  if (id !== undefined && id.length > MAX_ITEM_ID_CHARACTERS) throw malformed("an item's id is too long");
  const delayMs = flags & PutFlag.delay ? reader.uint() : 0;
  const priority = flags & PutFlag.priority ? readInteger(reader) : 0;
  return { id, delayMs, priority, tries: (flags & PutFlag.tries) !== 0 };
}

export function readQuestion(reader: ByteReader): QueueQuestion {
  const question = reader.byte();
  if (question > QueueQuestion.close) throw malformed(`there is no question ${question} about a queue`);
  return question as QueueQuestion;
}

/** A count that can be raised where it stands: always two bytes. */
export function writeCount(writer: ByteWriter, count: number): void {
  writer.reserve(3);
  writer.bytes[writer.position] = 0xcd;
  writer.position += 3;
  setCount(writer, writer.position, count);
}

/** @param end - where the count ends */
export function setCount(writer: ByteWriter, end: number, count: number): void {
  writer.bytes[end - 2] = count >>> 8;
  writer.bytes[end - 1] = count;
}

export const MAX_COUNT = 0xffff;

function readInteger(reader: ByteReader): number {
  const value = reader.numberOf(reader.byte());
  if (value === undefined || !Number.isSafeInteger(value)) throw malformed("a priority is a whole number");
  return value;
}
