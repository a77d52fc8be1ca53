import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { failure } from "../core/errors.ts";
import { endOfTurn } from "../core/turn.ts";
import { MessageType } from "../protocol/message-types.ts";
import {
  MAX_QUEUE_DEMAND,
  MAX_QUEUE_HANDLES,
  QueueSpace,
  readPutFields,
  readQuestion,
  readQueueOpen,
} from "../protocol/queue-messages.ts";
import type { Session } from "../session/session.ts";
import type { Delivery } from "../stores/store.ts";
import { CountedMessage } from "./counted-message.ts";
import { type HostGetter, HostPlace } from "./host-place.ts";
import type { ParkedPut, PutSender, QueueHost } from "./queue-host.ts";

export interface ServedQueues {
  /** The queues of this client and its peer, made on first use. */
  readonly local: () => QueueHost;
  readonly global: QueueHost;
}

/** Lets the client at the other end of a session use queues. Its end gives back what the client has not accepted. */
export function serveQueues(session: Session, queues: ServedQueues): void {
  new QueueHostLink(session, queues);
}

interface Served {
  readonly host: QueueHost;
  readonly place: HostPlace;
}

interface HandedOut {
  readonly host: QueueHost;
  readonly token: number;
}

class QueueHostLink implements PutSender {
  readonly #session: Session;
  readonly #queues: ServedQueues;
  readonly #hosts = new Set<QueueHost>();
  readonly #served = new Map<number, Served>();
  /** By number, counted from 1 for each session: nobody can name what was handed to somebody else. */
  readonly #handedOut = new Map<number, HandedOut>();
  readonly #parked = new Map<number, ParkedPut>();
  readonly #settled: CountedMessage;
  #parkedBytes = 0;
  #lastItem = 0;
  #lastRequest = 0;
  #nextSettled = 0;

  constructor(session: Session, queues: ServedQueues) {
    this.#session = session;
    this.#queues = queues;
    this.#settled = new CountedMessage(session, MessageType.queueSettled);
    session.handle({
      [MessageType.queueOpen]: (reader) => this.#open(reader),
      [MessageType.queueForget]: (reader) => this.#forget(reader),
      [MessageType.queuePut]: (reader) => this.#put(reader),
      [MessageType.queueCancel]: (reader) => this.#cancel(reader.uint()),
      [MessageType.queueAsk]: (reader) => this.#ask(reader),
      [MessageType.queueDemand]: (reader) => this.#demand(reader),
      [MessageType.queueWithdraw]: (reader) => this.#at(reader.uint()).place.withdraw(),
      [MessageType.queueAcknowledge]: (reader) => this.#accept(reader),
      [MessageType.queueReturn]: (reader) => {
        const { host, token } = this.#take(reader.uint());
        host.giveBack(token);
      },
    });
    session.onDrain(() => this.#resume());
    session.onEnd(() => this.#end());
  }

  stored(request: number): void {
    this.#unpark(request);
    if (this.#session.ended) return;
    this.#settled.send(request, request === this.#nextSettled);
    this.#nextSettled = request + 1;
  }

  full(request: number): void {
    this.#answer(request, 0);
  }

  refused(request: number, reason: unknown): void {
    this.#unpark(request);
    if (this.#session.ended) return;
    const writer = this.#session.begin(MessageType.queueRefused);
    writer.uint(request);
    this.#session.encoder.encode(writer, reason);
    this.#session.commit();
  }

  #open(reader: ByteReader): void {
    const { handle, space, name } = readQueueOpen(reader);
    if (this.#served.has(handle)) throw malformed(`queue handle ${handle} is taken`);
    if (this.#served.size >= MAX_QUEUE_HANDLES) throw malformed("too many queue handles");
    const host = space === QueueSpace.local ? this.#queues.local() : this.#queues.global;
    this.#hosts.add(host);
    const getter: HostGetter = {
      item: (delivery) => this.#handOut(handle, host, delivery),
      nothing: () => this.#tell(MessageType.queueNothing, handle),
      end: () => this.#tell(MessageType.queueEnd, handle),
    };
    this.#served.set(handle, { host, place: new HostPlace(host, name, this.#session.id, getter) });
  }

  #forget(reader: ByteReader): void {
    const handle = reader.uint();
    this.#at(handle).place.close();
    this.#served.delete(handle);
  }

  #put(reader: ByteReader): void {
    const request = ++this.#lastRequest;
    const { host, place } = this.#at(reader.uint());
    const fields = readPutFields(reader);
    const taken = this.#session.takenBytes;
    const received = reader.binary();
    // An attachment has memory of its own; anything else stands in bytes that the next read reuses.
    const body = this.#session.takenBytes === taken ? received.slice() : received;
    const parked = host.put(place.queue, body, fields, this, request);
    if (!parked) return;
    this.#parked.set(request, parked);
    this.#parkedBytes += body.length;
    const max = this.#session.limits.maxUnsentBytes;
    if (this.#parkedBytes <= max) return;
    parked.isCancelled = true;
    const what = "bytes in puts that wait for room in full queues";
    this.refused(request, failure("CNR_ERR_TOO_MANY", { what, max, option: "maxUnsentBytes" }));
  }

  /** The put may have been stored meanwhile: then there is nothing to cancel. */
  #cancel(request: number): void {
    const parked = this.#parked.get(request);
    if (!parked) return;
    parked.isCancelled = true;
    this.#unpark(request);
  }

  #unpark(request: number): void {
    if (this.#parked.size === 0) return;
    this.#parkedBytes -= this.#parked.get(request)?.body.length ?? 0;
    this.#parked.delete(request);
  }

  #ask(reader: ByteReader): void {
    const request = ++this.#lastRequest;
    const { host, place } = this.#at(reader.uint());
    const question = readQuestion(reader);
    try {
      const answer = host.ask(question, place.queue);
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

  #demand(reader: ByteReader): void {
    const { place } = this.#at(reader.uint());
    const count = reader.uint();
    if (place.credits + count > MAX_QUEUE_DEMAND)
      throw malformed("a demand for more items than there can be");
    place.demand(count);
  }

  #accept(reader: ByteReader): void {
    const first = reader.uint();
    for (let number = first, left = reader.uint(); left > 0; left--, number++) {
      const { host, token } = this.#take(number);
      host.accept(token);
    }
  }

  #take(number: number): HandedOut {
    const handedOut = this.#handedOut.get(number);
    if (!handedOut) throw malformed(`item ${number} is not in the hands of this client`);
    this.#handedOut.delete(number);
    return handedOut;
  }

  #handOut(handle: number, host: QueueHost, { token, body }: Delivery): boolean {
    const session = this.#session;
    // What nobody reads stays in its queue, for others, instead of piling up here.
    if (session.ended || session.isSaturated) return false;
    const writer = this.#beginItem();
    if (!writer) return false;
    writer.uint(handle);
    writer.binary(body);
    this.#handedOut.set(++this.#lastItem, { host, token });
    session.commit();
    return true;
  }

  #beginItem(): ByteWriter | undefined {
    try {
      return this.#session.begin(MessageType.queueItem);
    } catch {
      // A getter inside a value that is being sent to this client has used a queue: its message is still open.
      endOfTurn(() => this.#resume());
      return undefined;
    }
  }

  #resume(): void {
    for (const { place } of this.#served.values()) place.resume();
  }

  #tell(type: number, handle: number): void {
    if (this.#session.ended) return;
    this.#session.begin(type).uint(handle);
    this.#session.commit();
  }

  #answer(request: number, answer: number | undefined): void {
    if (this.#session.ended) return;
    if (answer === undefined) this.stored(request);
    else {
      const writer = this.#session.begin(MessageType.queueAnswer);
      writer.uint(request);
      writer.uint(answer);
      this.#session.commit();
    }
  }

  #at(handle: number): Served {
    const served = this.#served.get(handle);
    if (!served) throw malformed(`queue handle ${handle} is not open`);
    return served;
  }

  #end(): void {
    for (const parked of this.#parked.values()) parked.isCancelled = true;
    for (const host of this.#hosts) host.release(this.#session.id);
    this.#parked.clear();
    this.#handedOut.clear();
    this.#served.clear();
  }
}
