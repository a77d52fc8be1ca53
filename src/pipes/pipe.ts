import { rejected } from "../core/deferred.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { type IncomingChannel, isOrderlyEnd } from "../session/incoming-channel.ts";
import type { OutgoingChannel } from "../session/outgoing-channel.ts";

/** The link that a pipe runs over; its ends throw why there is none. */
export interface PipeLink {
  sender(name: string): OutgoingChannel;
  receiver(name: string): IncomingChannel;
}

/** For the library alone. */
export const sendBytes: unique symbol = Symbol("sendBytes");

/**
 * A conversation with the other side: in order, without loss or repeats, in both directions at once.
 * A reader that is slow makes its writer wait, and nobody else.
 *
 * @example
 * await client.pipes.chat.send("hello");
 * for await (const text of peer.pipes.chat) console.log(text);
 */
export class Pipe<In = unknown, Out = unknown> implements AsyncIterable<In> {
  readonly name: string;
  readonly #link: PipeLink;

  constructor(name: string, link: PipeLink) {
    this.name = name;
    this.#link = link;
  }

  /**
   * Sends a value. Resolves when it is handed to the link; waits while the reader is too far behind.
   *
   * Rejects with `CNR_ERR_UNSENDABLE` or `CNR_ERR_VALUE_TOO_LARGE` for what cannot travel, with the `ConnectionError`
   * that ended the link, with `CNR_ERR_TIMEOUT` after `timeoutMs`, with `signal.reason`. A value that was given up is not sent.
   */
  send(value: Out, options?: WaitOptions): Promise<void> {
    try {
      return this.#link.sender(this.name).send(value, options);
    } catch (error) {
      return rejected(error);
    }
  }

  /** The same for a value that is encoded already, on its own: one that goes to many. */
  [sendBytes](bytes: Uint8Array, options?: WaitOptions): Promise<void> {
    try {
      return this.#link.sender(this.name).sendBytes(bytes, options);
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Receives the next value. After a close, what had arrived is still received.
   *
   * Rejects with `ConnectionError` (`CNR_ERR_CLOSED` after an orderly close), with `CNR_ERR_TIMEOUT` after `timeoutMs`,
   * with `signal.reason`.
   */
  recv(options?: WaitOptions): Promise<In> {
    try {
      return this.#link.receiver(this.name).take(options) as Promise<In>;
    } catch (error) {
      return rejected(error);
    }
  }

  /** The next value if one has arrived, else undefined. */
  tryRecv(): In | undefined {
    return this.#link.receiver(this.name).tryTake() as In | undefined;
  }

  /** Receives until the link is closed in order; leaving the loop does not close the pipe. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    for (;;) {
      let value: In;
      try {
        value = await this.recv();
      } catch (error) {
        if (isOrderlyEnd(error)) return;
        throw error;
      }
      yield value;
    }
  }
}
