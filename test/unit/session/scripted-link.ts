import { addressOf } from "../../../src/transport/address.ts";
import type { Address, Link, LinkHandler } from "../../../src/transport/transport.ts";

/** A link whose other side is the test: it sees every write, and says when something comes, drains or ends. */
export class ScriptedLink implements Link {
  readonly localAddress: Address = addressOf("127.0.0.1", 1);
  readonly remoteAddress: Address = addressOf("127.0.0.1", 2);
  readonly keyName: undefined;
  bufferedBytes = 0;
  /** One entry for each call of `write`. */
  readonly writes: (readonly Uint8Array[])[] = [];
  readonly calls: string[] = [];
  handler: LinkHandler | undefined;

  get written(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.writes.flat()));
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  write(chunks: readonly Uint8Array[]): void {
    this.writes.push(chunks);
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  async close(): Promise<void> {
    this.calls.push("close");
  }

  abort(): void {
    this.calls.push("abort");
  }
}
