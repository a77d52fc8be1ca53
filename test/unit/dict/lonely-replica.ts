import { ValueEncoder } from "../../../src/codec/value-encoder.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { withLimits } from "../../../src/core/limits.ts";
import { DictReplica } from "../../../src/dict/dict-replica.ts";
import type { DictChangeOp, DictWrite } from "../../../src/protocol/dict-messages.ts";

const plain = new ValueEncoder({ maxDepth: 200, maxValueBytes: 1e6, shapes: false });
const encoder = new ValueEncoder({ maxDepth: 200, maxValueBytes: 1000, shapes: false });

export function bytesOf(value: unknown): Uint8Array {
  const writer = new ByteWriter();
  plain.encode(writer, value);
  return writer.bytes.slice(0, writer.position);
}

export function set(key: string, value: unknown): Extract<DictChangeOp, { kind: "set" }> {
  return { kind: "set", key, value: bytesOf(value) };
}

/** A replica whose authority is played by the test. */
export class LonelyReplica {
  readonly written: DictWrite[] = [];
  readonly errors: unknown[] = [];
  readonly events: { origin: string; changes: [key: string, value: unknown, previous: unknown][] }[] = [];
  readonly replica: DictReplica;
  failsToWrite: Error | undefined;

  constructor() {
    this.replica = new DictReplica({
      limits: withLimits(),
      onError: (error) => void this.errors.push(error),
    });
    this.attach();
    this.replica.reset(1, []);
  }

  attach(): void {
    this.replica.attach({
      encoder,
      maxValueBytes: 1000,
      write: (write) => {
        if (this.failsToWrite) throw this.failsToWrite;
        // A clone: bytes of its own may be a Buffer, which equals no Uint8Array.
        this.written.push(structuredClone(write));
      },
    });
  }

  /** Notes the events from now on. */
  listen(): void {
    this.replica.onChange(({ origin, changes }) => {
      this.events.push({
        origin,
        changes: changes.map(({ key, value, previous }) => [key, value, previous]),
      });
    });
  }

  /** Changes of somebody else, as one operation. */
  remote(...ops: readonly DictChangeOp[]): void {
    this.replica.change(ops);
    this.replica.tell();
  }

  get content(): Record<string, unknown> {
    const { replica } = this;
    return Object.fromEntries([...replica.entries()].map(([key, value]) => [key, value.read(replica.codec)]));
  }
}
