import type { FunctionCodec } from "../codec/function-codec.ts";
import { failure } from "../core/errors.ts";
import { fulfil, type Future } from "../core/future.ts";
import { MessageType } from "../protocol/message-types.ts";
import { ChannelKind, type ChannelMux } from "../session/channel-mux.ts";
import { IncomingChannel, isOrderlyEnd } from "../session/incoming-channel.ts";
import type { Session } from "../session/session.ts";
import { type CallContext, runInContext } from "./call-context.ts";
import { withoutFields } from "./remote-error.ts";

/** Async generators that are results: their values travel on a channel, as fast as the reader reads. */
export class ResultStreams {
  readonly #session: Session;
  readonly #mux: ChannelMux;
  readonly #functions: FunctionCodec;
  /** Opened by the other side, and not yet named by a result. */
  readonly #unclaimed = new Map<number, IncomingChannel>();

  constructor(session: Session, mux: ChannelMux, functions: FunctionCodec) {
    this.#session = session;
    this.#mux = mux;
    this.#functions = functions;
    mux.accept(
      ChannelKind.stream,
      (id) => {
        const channel = new IncomingChannel(session, "the next value of a stream");
        this.#unclaimed.set(id, channel);
        return channel;
      },
      functions,
    );
    session.onEnd(() => this.#unclaimed.clear());
  }

  send(callId: number, source: AsyncGenerator<unknown>): void {
    const { id, channel } = this.#mux.open(ChannelKind.stream, "", this.#functions);
    const writer = this.#session.begin(MessageType.stream);
    writer.uint(callId);
    writer.uint(id);
    this.#session.commit();
    let isStopped = false;
    channel.onStop = (): void => {
      isStopped = true;
      // The generator ends at its current yield, and runs its `finally` blocks; what they throw has nobody to go to.
      source.return(undefined).catch(() => {});
    };
    const pump = async (): Promise<void> => {
      for await (const value of source) await channel.send(value);
    };
    pump()
      .then(
        () => channel.end(),
        (error: unknown) => {
          if (!isStopped) this.#fail(channel, error);
        },
      )
      .finally(() => this.#mux.forget(id))
      .catch(() => {});
  }

  receive(future: Future<unknown>, channelId: number): void {
    const channel = this.#unclaimed.get(channelId);
    this.#unclaimed.delete(channelId);
    if (!channel) throw failure("CNR_ERR_PROTOCOL", { reason: "a stream without its channel" });
    if (future.done()) channel.stop();
    else future[fulfil](new RemoteStream(channel));
  }

  #fail(channel: { fail(error: unknown): void }, error: unknown): void {
    try {
      channel.fail(error);
    } catch (unsendable) {
      // The thrown error itself cannot travel: the one that says so can.
      if (!this.#session.ended) channel.fail(unsendable);
    }
  }
}

/** Reads an async generator of the other side. Leaving the loop ends the generator there. */
class RemoteStream implements AsyncGenerator<unknown, void, undefined> {
  readonly #channel: IncomingChannel;
  #isOver = false;

  constructor(channel: IncomingChannel) {
    this.#channel = channel;
  }

  async next(): Promise<IteratorResult<unknown, void>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      return { done: false, value: await this.#channel.take() };
    } catch (error) {
      this.#isOver = true;
      if (isOrderlyEnd(error)) return { done: true, value: undefined };
      throw error;
    }
  }

  async return(): Promise<IteratorResult<unknown, void>> {
    this.#isOver = true;
    this.#channel.stop();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<unknown, void>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
