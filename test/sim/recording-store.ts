import { ValueDecoder } from "../../src/codec/value-decoder.ts";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { MemoryStore } from "../../src/stores/memory-store.ts";
import type { Consumer, ConsumerSink, PutOptions } from "../../src/stores/store.ts";

interface Leased {
  readonly owner: string;
  readonly value: unknown;
}

const decoder = new ValueDecoder({ maxDepth: 10, shapes: false });
const readValue = (body: Uint8Array): unknown => decoder.decode(new ByteReader(body));

/** A store that remembers what was put into it, and who has settled what. */
export class RecordingStore extends MemoryStore {
  readonly stored: unknown[] = [];
  readonly acknowledged: Leased[] = [];
  cleared = 0;
  readonly #leased = new Map<number, Leased>();

  override put(queue: string, body: Uint8Array, options?: PutOptions): { readonly duplicate: boolean } {
    const result = super.put(queue, body, options);
    this.stored.push(readValue(body));
    return result;
  }

  override consume(queue: string, owner: string, sink: ConsumerSink): Consumer {
    return super.consume(queue, owner, {
      item: (delivery) => {
        this.#leased.set(delivery.token, { owner, value: readValue(delivery.body) });
        sink.item(delivery);
      },
      end: () => sink.end(),
    });
  }

  override ack(token: number): boolean {
    const isGood = super.ack(token);
    const leased = this.#leased.get(token);
    if (isGood && leased) this.acknowledged.push(leased);
    return isGood;
  }

  override purge(queue: string): number {
    const dropped = super.purge(queue);
    this.cleared += dropped;
    return dropped;
  }
}
