import type { FunctionCodec } from "../codec/function-codec.ts";
import type { PutFields, QueueQuestion } from "../protocol/queue-messages.ts";
import type { Outcome, QueueGetter, QueueHandle, Settler } from "./queue-binding.ts";
import type { RemoteQueues } from "./remote-queues.ts";

/** A place in the line of a queue at the other end of a session. */
export class RemoteHandle implements QueueHandle {
  readonly getter: QueueGetter;
  readonly #queues: RemoteQueues;
  readonly #handle: number;
  readonly #functions: FunctionCodec | undefined;

  constructor(
    queues: RemoteQueues,
    handle: number,
    getter: QueueGetter,
    functions: FunctionCodec | undefined,
  ) {
    this.#queues = queues;
    this.#handle = handle;
    this.getter = getter;
    this.#functions = functions;
  }

  put(value: unknown, fields: PutFields, settler: Settler<Outcome>): number {
    return this.#queues.put(this.#handle, value, fields, this.#functions, settler);
  }

  cancelPut(request: number): void {
    this.#queues.cancelPut(request);
  }

  ask(question: QueueQuestion, settler: Settler<Outcome>): void {
    this.#queues.ask(this.#handle, question, settler);
  }

  demand(): void {
    this.#queues.demand(this.#handle);
  }

  withdraw(): void {
    this.#queues.withdraw(this.#handle);
  }

  accept(item: number): void {
    this.#queues.accept(item);
  }

  giveBack(item: number): void {
    this.#queues.giveBack(item);
  }

  decode(body: Uint8Array): unknown {
    return this.#queues.decode(body, this.#functions);
  }

  close(): void {
    this.#queues.forget(this.#handle);
  }
}
