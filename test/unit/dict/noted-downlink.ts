import { ValueDecoder } from "../../../src/codec/value-decoder.ts";
import { BytePages } from "../../../src/core/byte-pages.ts";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import type { Downlink } from "../../../src/dict/backlog.ts";
import { type DictChangeOp, type PlainDictOp, readChangeOp } from "../../../src/protocol/dict-messages.ts";
import type { DictEntry, Rev } from "../../../src/stores/store.ts";

const decoder = new ValueDecoder({ maxDepth: 200, shapes: false });

/** Notes what an authority says to a replica, in words that are easy to compare. */
export class NotedDownlink implements Downlink {
  #messages: Record<string, unknown>[] = [];
  isSaturated = false;
  /** Thrown by all that is said. */
  isBusy: Error | undefined;
  lastBytes: Uint8Array | undefined;
  lastAttachments: readonly Uint8Array[] = [];

  static decode(bytes: Uint8Array): unknown {
    return decoder.decode(new ByteReader(bytes));
  }

  /** What was said since this was last asked. */
  take(): Record<string, unknown>[] {
    return this.#messages.splice(0);
  }

  acknowledge(count: number, rev: Rev): void {
    this.#note({ acknowledge: count, rev });
  }

  result(rev: Rev, key: string, value: Uint8Array): void {
    this.#note({ result: [key, NotedDownlink.decode(value)], rev });
  }

  refuse(code: string, text: string): void {
    this.#note(code === "CNR_ERR_REMOTE" ? { refuse: code, text } : { refuse: code });
  }

  change(rev: Rev, operations: number, bytes: Uint8Array, attachments: readonly Uint8Array[]): void {
    const left = [...attachments];
    const reader = new ByteReader(bytes, () => left.shift() as Uint8Array);
    const change = Array.from({ length: operations }, () =>
      Array.from({ length: reader.uint() }, () => said(readChangeOp(reader, new BytePages()))),
    );
    this.#note({ change, rev });
    this.lastBytes = bytes;
    this.lastAttachments = attachments;
  }

  values(rev: Rev, ops: Iterable<PlainDictOp>): void {
    this.#note({ values: Array.from(ops, said), rev });
  }

  reset(rev: Rev, entries: Iterable<readonly [key: string, entry: DictEntry]>): void {
    this.#note({
      reset: Object.fromEntries(
        Array.from(entries, ([key, { value }]) => [key, NotedDownlink.decode(value)]),
      ),
      rev,
    });
  }

  #note(message: Record<string, unknown>): void {
    if (this.isBusy) throw this.isBusy;
    this.#messages.push(message);
  }
}

function said(op: DictChangeOp): unknown {
  if (op.kind === "clear") return "clear";
  if (op.kind === "patch") return [op.key, { patch: new Uint8Array(op.patch) }];
  return [op.key, op.kind === "set" ? NotedDownlink.decode(op.value) : undefined];
}
