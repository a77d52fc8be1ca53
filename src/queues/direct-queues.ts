import type { FunctionCodec } from "../codec/function-codec.ts";
import { ValueDecoder } from "../codec/value-decoder.ts";
import { ValueEncoder } from "../codec/value-encoder.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import type { PutFields, QueueQuestion } from "../protocol/queue-messages.ts";
import { HostPlace } from "./host-place.ts";
import { readBody } from "./item-body.ts";
import type { ParkedPut, PutSender } from "./put-line.ts";
import type { Outcome, QueueBinding, QueueGetter, QueueHandle, Settler } from "./queue-binding.ts";
import { lostRequest } from "./queue-errors.ts";
import type { QueueHost } from "./queue-host.ts";

/** The queues of a host in this process, for this program itself: one among the host's users, served in the same line. */
export class DirectQueues implements QueueBinding, PutSender {
  readonly host: QueueHost;
  readonly #owner: string;
  readonly #encoder: ValueEncoder;
  readonly #decoder: ValueDecoder;
  readonly #writer = new ByteWriter();
  readonly #getters = new Map<DirectHandle, QueueGetter>();
  readonly #requests = new Map<number, Settler<Outcome>>();
  readonly #parked = new Map<number, ParkedPut>();
  #lastRequest = 0;

  /** @param owner - a name for this user that no other user of the host's store has, on any server */
  constructor(host: QueueHost, owner: string) {
    this.host = host;
    this.#owner = owner;
    const { maxDepth, maxValueBytes } = host.limits;
    this.#encoder = new ValueEncoder({ maxDepth, maxValueBytes, shapes: false });
    this.#decoder = new ValueDecoder({ maxDepth, shapes: false });
  }

  open(name: string, getter: QueueGetter, functions: FunctionCodec | undefined): QueueHandle {
    const handle = new DirectHandle(this, name, this.#owner, getter, functions);
    this.#getters.set(handle, getter);
    return handle;
  }

  end(reason: unknown): void {
    const getters = [...this.#getters.values()];
    const requests = [...this.#requests];
    for (const parked of this.#parked.values()) this.host.cancel(parked);
    this.host.release(this.#owner);
    this.#getters.clear();
    this.#requests.clear();
    for (const [request, settler] of requests) {
      settler.reject(lostRequest(reason, this.#parked.has(request) ? "no" : "unknown"));
    }
    this.#parked.clear();
    for (const getter of getters) getter.lost(reason);
  }

  stored(request: number): void {
    this.#take(request)?.resolve(undefined);
  }

  full(request: number): void {
    this.#take(request)?.resolve(0);
  }

  refused(request: number, reason: unknown): void {
    this.#take(request)?.reject(reason);
  }

  put(queue: string, body: Uint8Array, fields: PutFields, settler: Settler<Outcome>): number {
    const request = ++this.#lastRequest;
    this.#requests.set(request, settler);
    const parked = this.host.put(queue, body, fields, this, request);
    if (parked) this.#parked.set(request, parked);
    return request;
  }

  cancelPut(request: number): void {
    const parked = this.#parked.get(request);
    if (parked) this.host.cancel(parked);
    this.#take(request);
  }

  ask(queue: string, question: QueueQuestion, settler: Settler<Outcome>): void {
    const answer = this.host.ask(question, queue);
    if (!(answer instanceof Promise)) {
      settler.resolve(answer);
      return;
    }
    const request = ++this.#lastRequest;
    this.#requests.set(request, settler);
    answer.then(
      (number) => this.#take(request)?.resolve(number),
      (error: unknown) => this.refused(request, error),
    );
  }

  encode(value: unknown, functions: FunctionCodec | undefined): Uint8Array {
    const writer = this.#writer;
    // Not from 0: a getter of the value may come here again, and must not overwrite what is written already.
    const start = writer.position;
    try {
      this.#encoder.encode(writer, value, functions);
      return writer.bytes.slice(start, writer.position);
    } finally {
      writer.position = start;
    }
  }

  decode(body: Uint8Array, functions: FunctionCodec | undefined): unknown {
    return readBody(body, this.#decoder, functions);
  }

  forget(handle: DirectHandle): void {
    this.#getters.delete(handle);
  }

  #take(request: number): Settler<Outcome> | undefined {
    const settler = this.#requests.get(request);
    this.#requests.delete(request);
    this.#parked.delete(request);
    return settler;
  }
}

class DirectHandle implements QueueHandle {
  readonly #queues: DirectQueues;
  readonly #name: string;
  readonly #place: HostPlace;
  readonly #functions: FunctionCodec | undefined;

  constructor(
    queues: DirectQueues,
    name: string,
    owner: string,
    getter: QueueGetter,
    functions: FunctionCodec | undefined,
  ) {
    this.#queues = queues;
    this.#name = name;
    this.#functions = functions;
    this.#place = new HostPlace(queues.host, name, owner, {
      item({ token, body }) {
        getter.item(token, body);
        return true;
      },
      nothing: () => getter.nothing(),
      end: () => getter.end(),
    });
  }

  put(value: unknown, fields: PutFields, settler: Settler<Outcome>): number {
    return this.#queues.put(this.#name, this.#queues.encode(value, this.#functions), fields, settler);
  }

  cancelPut(request: number): void {
    this.#queues.cancelPut(request);
  }

  ask(question: QueueQuestion, settler: Settler<Outcome>): void {
    this.#queues.ask(this.#name, question, settler);
  }

  demand(): void {
    this.#place.demand(1);
  }

  withdraw(): void {
    this.#place.withdraw();
  }

  accept(token: number): void {
    this.#queues.host.accept(token);
  }

  giveBack(token: number): void {
    this.#queues.host.giveBack(token);
  }

  decode(body: Uint8Array): unknown {
    return this.#queues.decode(body, this.#functions);
  }

  close(): void {
    this.#place.close();
    this.#queues.forget(this);
  }
}
