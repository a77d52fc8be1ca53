import { type ByteReader, malformed } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { endOfTurn } from "../core/turn.ts";
import { MessageType } from "../protocol/message-types.ts";
import {
  MAX_QUEUE_DEMAND,
  MAX_QUEUE_HANDLES,
  QueueSpace,
  readQuestion,
  readQueueOpen,
} from "../protocol/queue-messages.ts";
import type { Session } from "../session/session.ts";
import type { Delivery } from "../stores/store.ts";
import { type HostGetter, HostPlace } from "./host-place.ts";
import { LinkPuts } from "./link-puts.ts";
import type { QueueHost } from "./queue-host.ts";

export interface ServedQueues {
  /** The queues of this client and its peer, made on first use. */
  readonly local: () => QueueHost;
  readonly global: QueueHost;
  /** False: an item with a function in it is refused. Left out: true. */
  readonly mayBringCode?: boolean | undefined;
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

class QueueHostLink {
  readonly #session: Session;
  readonly #queues: ServedQueues;
  readonly #hosts = new Set<QueueHost>();
  readonly #served = new Map<number, Served>();
  /** By number, counted from 1 for each session: nobody can name what was handed to somebody else. */
  readonly #handedOut = new Map<number, HandedOut>();
  readonly #puts: LinkPuts;
  /** Handles whose items could not be taken. */
  readonly #stuck = new Set<number>();
  #lastItem = 0;

  constructor(session: Session, queues: ServedQueues) {
    this.#session = session;
    this.#queues = queues;
    this.#puts = new LinkPuts(session, queues.mayBringCode ?? true);
    session.handle({
      [MessageType.queueOpen]: (reader) => this.#open(reader),
      [MessageType.queueForget]: (reader) => this.#forget(reader),
      [MessageType.queuePut]: (reader) => this.#put(reader),
      [MessageType.queueCancel]: (reader) => this.#puts.cancel(reader.uint()),
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
    const { host, place } = this.#at(reader.uint());
    this.#puts.put(host, place.queue, reader);
  }

  #ask(reader: ByteReader): void {
    const { host, place } = this.#at(reader.uint());
    this.#puts.ask(host, place.queue, readQuestion(reader));
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
    const writer = session.isSaturated ? undefined : this.#beginItem();
    if (!writer) {
      this.#stuck.add(handle);
      return false;
    }
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
      // A getter inside a value that is being sent to this client has used a queue: that message is still open.
      if (!this.#session.ended) endOfTurn(() => this.#resume());
      return undefined;
    }
  }

  #resume(): void {
    if (this.#stuck.size === 0) return;
    const handles = [...this.#stuck];
    this.#stuck.clear();
    for (const handle of handles) this.#served.get(handle)?.place.resume();
  }

  #tell(type: number, handle: number): void {
    if (this.#session.ended) return;
    this.#session.begin(type).uint(handle);
    this.#session.commit();
  }

  #at(handle: number): Served {
    const served = this.#served.get(handle);
    if (!served) throw malformed(`queue handle ${handle} is not open`);
    return served;
  }

  #end(): void {
    this.#puts.end();
    for (const host of this.#hosts) host.release(this.#session.id);
    this.#handedOut.clear();
    this.#served.clear();
  }
}
