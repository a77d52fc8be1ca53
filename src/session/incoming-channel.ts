import { ConnectorError, failure } from "../core/errors.ts";
import { Mailbox } from "../core/mailbox.ts";
import { RingBuffer } from "../core/ring-buffer.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "./session.ts";

/** No reason at all: nothing is equal to it. */
const NOT_FINISHED = Symbol("not finished");

/** The receiving end of a stream of values. Reading it gives the sender credit for more. */
export class IncomingChannel<T = unknown> {
  readonly #session: Session;
  #id: number | undefined;
  readonly #window: number;
  readonly #mailbox: Mailbox<T>;
  readonly #sizes = new RingBuffer<number>();
  #received = 0;
  #consumed = 0;
  #granted: number;
  #isOver = false;
  #ending: unknown = NOT_FINISHED;

  /** @param what - names the wait for a value, in the text of a time-out */
  constructor(session: Session, what: string) {
    this.#session = session;
    this.#window = session.limits.channelWindowBytes;
    this.#granted = this.#window;
    this.#mailbox = new Mailbox<T>(what, () => this.#onTake());
  }

  /** The sender has opened it under this number; a reader may have been waiting for it. */
  opened(id: number): void {
    if (this.#id !== undefined)
      throw failure("CNR_ERR_PROTOCOL", { reason: "a channel that is open already" });
    this.#id = id;
  }

  /** Values that have arrived and are unread. */
  get size(): number {
    return this.#mailbox.size;
  }

  tryTake(): T | undefined {
    return this.#mailbox.tryTake();
  }

  take(options?: WaitOptions): Promise<T> {
    return this.#mailbox.take(options);
  }

  /** Tells the sender that nobody will read on. */
  stop(): void {
    if (this.#isOver || this.#session.ended || this.#id === undefined) return;
    this.#isOver = true;
    this.#mailbox.clear();
    const writer = this.#session.begin(MessageType.channelStop);
    writer.uint(this.#id);
    this.#session.commit();
  }

  receive(value: T, bytes: number): void {
    if (this.#isOver) return;
    if (this.#received >= this.#granted) {
      throw failure("CNR_ERR_PROTOCOL", { reason: "it sent more on a channel than it was given credit for" });
    }
    this.#received += bytes;
    this.#sizes.push(bytes);
    this.#mailbox.push(value);
  }

  /** It has failed, or its link has ended: readers get what is left, then `reason`. */
  end(reason: unknown): void {
    this.#isOver = true;
    this.#mailbox.end(reason);
  }

  /** The sender has sent all that it wanted to. */
  finish(): void {
    this.#ending = failure("CNR_ERR_CLOSED", { by: "the other side" });
    this.end(this.#ending);
  }

  /** Whether this is what readers get after the last value of a finished channel; a failure may look the same. */
  isFinish(reason: unknown): boolean {
    return reason === this.#ending;
  }

  #onTake(): void {
    this.#consumed += this.#sizes.shift() as number;
    if (
      this.#isOver ||
      this.#id === undefined ||
      this.#granted - this.#consumed > this.#window / 2 ||
      this.#session.ended
    )
      return;
    this.#granted = this.#consumed + this.#window;
    const writer = this.#session.begin(MessageType.channelCredit);
    writer.uint(this.#id);
    writer.uint(this.#granted);
    this.#session.commit();
  }
}

/** Whether a link that ended with this was closed in order: loops over its pipes just end. */
export function isOrderlyEnd(reason: unknown): boolean {
  return ConnectorError.is(reason) && reason.code === "CNR_ERR_CLOSED";
}
