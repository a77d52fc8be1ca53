import { MemoryStore } from "../../../src/stores/memory-store.ts";
import type { Consumer, ConsumerSink, PutOptions, QueueSize, Store } from "../../../src/stores/store.ts";

/** A store that carries out every command in order, but later, as durable and distributed ones do. */
export class SlowStore extends MemoryStore implements Store {
  #last: Promise<unknown> = Promise.resolve();
  /** What the next puts fail with. */
  failure: Error | undefined;

  #later<T>(command: () => T): Promise<T> {
    const done = this.#last.then(
      () =>
        new Promise<T>((resolve, reject) => {
          setImmediate(() => {
            try {
              resolve(command());
            } catch (error) {
              reject(error as Error);
            }
          });
        }),
    );
    this.#last = done.catch(() => {});
    return done;
  }

  override put(queue: string, body: Uint8Array, options?: PutOptions): never {
    return this.#later(() => {
      if (this.failure) throw this.failure;
      return super.put(queue, body, options);
    }) as never;
  }

  override consume(queue: string, owner: string, sink: ConsumerSink): Consumer {
    const consumer = this.#later(() => super.consume(queue, owner, sink));
    const soon = <T>(command: (made: Consumer) => T): Promise<T> => {
      let made: Consumer | undefined;
      void consumer.then((ready) => {
        made = ready;
      });
      return this.#later(() => command(made as Consumer));
    };
    return {
      demand: (count) => void soon((made) => made.demand(count)),
      withdraw: (count) => soon((made) => made.withdraw(count)).then((answer) => answer),
      close: () => void soon((made) => made.close()),
    };
  }

  override ack(token: number): never {
    return this.#later(() => super.ack(token)) as never;
  }

  override nack(token: number): never {
    return this.#later(() => super.nack(token)) as never;
  }

  override release(owner: string): never {
    return this.#later(() => super.release(owner)) as never;
  }

  override purge(queue: string): never {
    return this.#later(() => super.purge(queue)) as never;
  }

  override closeQueue(queue: string): never {
    return this.#later(() => super.closeQueue(queue)) as never;
  }

  override size(queue: string): QueueSize {
    return super.size(queue);
  }

  /** When all that was asked until now is done. */
  idle(): Promise<unknown> {
    return this.#last;
  }
}
