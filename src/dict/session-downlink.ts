import type { ByteWriter } from "../core/byte-writer.ts";
import { type DictSpaceId, type PlainDictOp, writeChangeOp } from "../protocol/dict-messages.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "../session/session.ts";
import type { DictEntry, Rev } from "../stores/store.ts";
import type { Downlink } from "./backlog.ts";

/** A message of many entries is closed at either of these. */
const FULL_BYTES = 64 * 1024;
const FULL_ITEMS = 4096;

/** Writes what an authority says to one replica as messages of its session. */
export class SessionDownlink implements Downlink {
  readonly #session: Session;
  readonly #space: DictSpaceId;

  constructor(session: Session, space: DictSpaceId) {
    this.#session = session;
    this.#space = space;
  }

  get isSaturated(): boolean {
    return this.#session.isSaturated;
  }

  acknowledge(count: number, rev: Rev): void {
    const writer = this.#begin(MessageType.dictAcknowledge);
    writer.uint(count);
    writer.uint(rev);
    this.#session.commit();
  }

  result(rev: Rev, key: string, value: Uint8Array): void {
    const writer = this.#begin(MessageType.dictResult);
    writer.uint(rev);
    writer.string(key);
    writer.binary(value);
    this.#session.commit();
  }

  refuse(code: string, text: string): void {
    const writer = this.#begin(MessageType.dictRefuse);
    writer.string(code);
    writer.string(text);
    this.#session.commit();
  }

  change(rev: Rev, operations: number, bytes: Uint8Array, attachments: readonly Uint8Array[]): void {
    const writer = this.#begin(MessageType.dictChange);
    writer.uint(rev);
    writer.uint(operations);
    writer.raw(bytes);
    for (const attachment of attachments) {
      writer.attachments?.push(attachment);
      writer.attachedBytes += attachment.length;
    }
    this.#session.commit();
  }

  values(rev: Rev, ops: Iterable<PlainDictOp>): void {
    for (const { part, isLast } of partsOf(ops, (op) => (op.kind === "set" ? op.value.length : 0))) {
      const writer = this.#begin(MessageType.dictChange);
      writer.uint(isLast ? rev : 0);
      writer.uint(1);
      writer.uint(part.length);
      for (const op of part) writeChangeOp(writer, op);
      this.#session.commit();
    }
  }

  reset(rev: Rev, entries: Iterable<readonly [key: string, entry: DictEntry]>): void {
    for (const { part, isLast } of partsOf(entries, ([, entry]) => entry.value.length)) {
      const writer = this.#begin(MessageType.dictSnapshot);
      writer.uint(rev);
      writer.boolean(isLast);
      writer.uint(part.length);
      for (const [key, entry] of part) {
        writer.string(key);
        writer.binary(entry.value);
      }
      this.#session.commit();
    }
  }

  #begin(type: number): ByteWriter {
    const writer = this.#session.begin(type);
    writer.uint(this.#space);
    return writer;
  }
}

/** What all fits into few messages, none of them much longer than the longest item in it. */
function* partsOf<T>(
  items: Iterable<T>,
  bytesOf: (item: T) => number,
): Generator<{ part: T[]; isLast: boolean }> {
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    if (bytes >= FULL_BYTES || part.length >= FULL_ITEMS) {
      yield { part, isLast: false };
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += bytesOf(item);
  }
  yield { part, isLast: true };
}
