import type { FunctionCodec } from "../codec/function-codec.ts";
import { type ByteReader, malformed } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";
import { MessageType } from "../protocol/message-types.ts";
import {
  MAX_QUEUE_HANDLES,
  type PutFields,
  type QueueQuestion,
  QueueSpace,
  writePutFields,
  writeQueueOpen,
} from "../protocol/queue-messages.ts";
import type { Session } from "../session/session.ts";
import { CountedMessage } from "./counted-message.ts";
import { readBody, writeBody } from "./item-body.ts";
import type { Outcome, QueueBinding, QueueGetter, QueueHandle, Settler } from "./queue-binding.ts";
import { lostRequest } from "./queue-errors.ts";
import { RemoteHandle } from "./remote-handle.ts";
import { RunMessage } from "./run-message.ts";

/** The queues at the other end of a session: one for both spaces, because their messages share its numbers. */
export class RemoteQueues {
  readonly local: QueueBinding;
  readonly global: QueueBinding;
  readonly #session: Session;
  readonly #handles = new Map<number, RemoteHandle>();
  readonly #requests = new Map<number, Settler<Outcome>>();
  readonly #demand: CountedMessage;
  readonly #accepted: RunMessage;
  #lastHandle = 0;
  #lastRequest = 0;
  #lastItem = 0;
  #lastDemanded = 0;
  /** Requests from `#firstUnsent` on were written when so many frames had been given to a link. */
  #handedFrames = 0;
  #firstUnsent = 1;

  constructor(session: Session) {
    this.#session = session;
    this.#demand = new CountedMessage(session, MessageType.queueDemand);
    this.#accepted = new RunMessage(session, MessageType.queueAcknowledge, queueMicrotask);
    const binding = (space: QueueSpace): QueueBinding => ({
      open: (name, getter, functions) => this.#open(space, name, getter, functions),
      end: (reason) => this.#end(reason),
    });
    this.local = binding(QueueSpace.local);
    this.global = binding(QueueSpace.global);
    session.handle({
      [MessageType.queueSettled]: (reader) => this.#settled(reader),
      [MessageType.queueAnswer]: (reader) => {
        const request = reader.uint();
        const answer = reader.uint();
        this.#takeRequest(request)?.resolve(answer);
      },
      [MessageType.queueRefused]: (reader) => {
        const request = reader.uint();
        const reason = session.decoder.decode(reader);
        this.#takeRequest(request)?.reject(reason);
      },
      [MessageType.queueItem]: (reader) => this.#item(reader),
      // Each may cross the client's word that it has forgotten the handle.
      [MessageType.queueDeny]: (reader) => this.#handles.get(reader.uint())?.getter.denied(),
      [MessageType.queueNothing]: (reader) => this.#handles.get(reader.uint())?.getter.nothing(),
      [MessageType.queueEnd]: (reader) => this.#handles.get(reader.uint())?.getter.end(),
    });
  }

  put(
    handle: number,
    value: unknown,
    fields: PutFields,
    functions: FunctionCodec | undefined,
    settler: Settler<Outcome>,
  ): number {
    const session = this.#session;
    const writer = session.begin(MessageType.queuePut);
    try {
      writePutFields(writer, handle, fields);
      writeBody(writer, session.plainEncoder, value, functions);
    } catch (error) {
      session.drop();
      throw error;
    }
    const request = this.#addRequest(settler);
    session.commit();
    return request;
  }

  cancelPut(request: number): void {
    this.#requests.delete(request);
    if (!this.#session.ended) this.#tell(MessageType.queueCancel, request);
  }

  ask(handle: number, question: QueueQuestion, settler: Settler<Outcome>): void {
    const writer = this.#session.begin(MessageType.queueAsk);
    writer.uint(handle);
    writer.byte(question);
    this.#addRequest(settler);
    this.#session.commit();
  }

  demand(handle: number): void {
    this.#demand.send(handle, handle === this.#lastDemanded);
    this.#lastDemanded = handle;
  }

  withdraw(handle: number): void {
    if (!this.#session.ended) this.#tell(MessageType.queueWithdraw, handle);
  }

  /**
   * Told when all that was read has been handed over, before any getter goes on:
   * what a getter sends because of its item never arrives without this.
   */
  accept(item: number): void {
    this.#accepted.add(item);
  }

  giveBack(item: number): void {
    if (!this.#session.ended) this.#tell(MessageType.queueReturn, item);
  }

  decode(body: Uint8Array, functions: FunctionCodec | undefined): unknown {
    return readBody(body, this.#session.plainDecoder, functions);
  }

  forget(handle: number): void {
    this.#handles.delete(handle);
    if (!this.#session.ended) this.#tell(MessageType.queueForget, handle);
  }

  #open(
    space: QueueSpace,
    name: string,
    getter: QueueGetter,
    functions: FunctionCodec | undefined,
  ): QueueHandle {
    const max = Math.min(this.#session.limits.maxPendingCalls, MAX_QUEUE_HANDLES);
    if (this.#handles.size >= max) {
      throw failure("CNR_ERR_TOO_MANY", {
        what: "queues and gets of one link",
        max,
        option: "maxPendingCalls",
      });
    }
    const writer = this.#session.begin(MessageType.queueOpen);
    const handle = new RemoteHandle(this, ++this.#lastHandle, getter, functions);
    writeQueueOpen(writer, { handle: this.#lastHandle, space, name });
    this.#session.commit();
    this.#handles.set(this.#lastHandle, handle);
    return handle;
  }

  #addRequest(settler: Settler<Outcome>): number {
    const request = ++this.#lastRequest;
    this.#requests.set(request, settler);
    const { handedFrames } = this.#session;
    if (handedFrames !== this.#handedFrames) {
      this.#handedFrames = handedFrames;
      this.#firstUnsent = request;
    }
    return request;
  }

  /** Undefined for a put whose sender has given up. */
  #takeRequest(request: number): Settler<Outcome> | undefined {
    if (request > this.#lastRequest) throw malformed(`nobody sent queue request ${request}`);
    const settler = this.#requests.get(request);
    this.#requests.delete(request);
    return settler;
  }

  #settled(reader: ByteReader): void {
    const first = reader.uint();
    for (let request = first, left = reader.uint(); left > 0; left--, request++) {
      this.#takeRequest(request)?.resolve(undefined);
    }
  }

  #item(reader: ByteReader): void {
    const item = ++this.#lastItem;
    const handle = this.#handles.get(reader.uint());
    const body = reader.binary();
    if (handle) handle.getter.item(item, body);
    else this.giveBack(item);
  }

  #tell(type: number, subject: number): void {
    this.#session.begin(type).uint(subject);
    this.#session.commit();
  }

  #end(reason: unknown): void {
    const handles = [...this.#handles.values()];
    const requests = [...this.#requests];
    const firstUnsent = this.#session.handedFrames === this.#handedFrames ? this.#firstUnsent : Infinity;
    this.#handles.clear();
    this.#requests.clear();
    for (const [request, settler] of requests) {
      settler.reject(lostRequest(reason, request >= firstUnsent ? "no" : "unknown"));
    }
    for (const { getter } of handles) getter.lost(reason);
  }
}
