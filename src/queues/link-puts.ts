import { holdsFunction } from "../codec/function-free.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";
import { endOfTurn } from "../core/turn.ts";
import { MessageType } from "../protocol/message-types.ts";
import { type QueueQuestion, readPutFields } from "../protocol/queue-messages.ts";
import { notAllowed } from "../security/policy.ts";
import type { Session } from "../session/session.ts";
import type { ParkedPut, PutSender } from "./put-line.ts";
import type { QueueHost } from "./queue-host.ts";
import { RunMessage } from "./run-message.ts";

/** What a put that waits costs besides its body, roughly: an empty one must count too. */
const PARKED_PUT_BYTES = 200;

/** The puts and questions of one client: numbered as they come, from 1, and answered by these numbers. */
export class LinkPuts implements PutSender {
  readonly #session: Session;
  readonly #mayBringCode: boolean;
  readonly #stored: RunMessage;
  readonly #parked = new Map<number, { readonly host: QueueHost; readonly put: ParkedPut }>();
  #parkedBytes = 0;
  #lastRequest = 0;

  /** @param mayBringCode - false: an item with a function in it is refused */
  constructor(session: Session, mayBringCode: boolean) {
    this.#session = session;
    this.#mayBringCode = mayBringCode;
    // Not with the read that brought the puts: whoever waits for the items is to hear first.
    this.#stored = new RunMessage(session, MessageType.queueSettled, endOfTurn);
  }

  put(host: QueueHost, queue: string, reader: ByteReader): void {
    const request = ++this.#lastRequest;
    const fields = readPutFields(reader);
    const body = reader.passingBinary();
    if (!this.#mayBringCode && this.#isRefused(request, body)) return;
    const put = host.put(queue, body, fields, this, request);
    if (!put) return;
    this.#parked.set(request, { host, put });
    this.#parkedBytes += sizeOf(put);
    const max = this.#session.limits.maxUnsentBytes;
    if (this.#parkedBytes <= max) return;
    this.cancel(request);
    const what = "bytes in puts that wait for room in full queues";
    this.refused(request, failure("CNR_ERR_TOO_MANY", { what, max, option: "maxUnsentBytes" }));
  }

  /** The put may have been stored meanwhile: then there is nothing to cancel. */
  cancel(request: number): void {
    const parked = this.#parked.get(request);
    if (!parked) return;
    this.#forget(request);
    parked.host.cancel(parked.put);
  }

  ask(host: QueueHost, queue: string, question: QueueQuestion): void {
    const request = ++this.#lastRequest;
    try {
      const answer = host.ask(question, queue);
      if (answer instanceof Promise) {
        answer.then(
          (number) => this.#answer(request, number),
          (error: unknown) => this.refused(request, error),
        );
      } else this.#answer(request, answer);
    } catch (error) {
      this.refused(request, error);
    }
  }

  stored(request: number): void {
    this.#forget(request);
    this.#stored.add(request);
  }

  full(request: number): void {
    this.#answer(request, 0);
  }

  refused(request: number, reason: unknown): void {
    this.#forget(request);
    if (this.#session.ended) return;
    const writer = this.#session.begin(MessageType.queueRefused);
    writer.uint(request);
    const { encoder } = this.#session;
    try {
      encoder.encode(writer, reason);
    } catch {
      // A store's error may hold what cannot travel.
      encoder.encode(writer, failure("CNR_ERR_REMOTE", { reason: String(reason) }));
    }
    this.#session.commit();
  }

  end(): void {
    for (const { host, put } of this.#parked.values()) host.cancel(put);
    this.#parked.clear();
  }

  #isRefused(request: number, body: Uint8Array): boolean {
    try {
      if (!holdsFunction(body, this.#session.limits.maxDepth)) return false;
      this.refused(request, notAllowed("code", "putting a function into a queue"));
    } catch (undecodable) {
      this.refused(request, undecodable);
    }
    return true;
  }

  #answer(request: number, answer: number | undefined): void {
    if (this.#session.ended) return;
    if (answer === undefined) {
      this.stored(request);
      return;
    }
    const writer = this.#session.begin(MessageType.queueAnswer);
    writer.uint(request);
    writer.uint(answer);
    this.#session.commit();
  }

  #forget(request: number): void {
    if (this.#parked.size === 0) return;
    const parked = this.#parked.get(request);
    if (!parked) return;
    this.#parkedBytes -= sizeOf(parked.put);
    this.#parked.delete(request);
  }
}

function sizeOf({ body }: ParkedPut): number {
  return body.length + PARKED_PUT_BYTES;
}
