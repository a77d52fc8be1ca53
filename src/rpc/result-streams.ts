import type { FunctionCodec } from "../codec/function-codec.ts";
import { callSafely } from "../core/emitter.ts";
import { failure } from "../core/errors.ts";
import { type Future, fulfil } from "../core/future.ts";
import { MessageType } from "../protocol/message-types.ts";
import { ChannelKind, type ChannelMux } from "../session/channel-mux.ts";
import { IncomingChannel } from "../session/incoming-channel.ts";
import type { OutgoingChannel } from "../session/outgoing-channel.ts";
import type { Session } from "../session/session.ts";
import { type CallContext, callInContext } from "./call-context.ts";
import { withLocalFrames } from "./remote-error.ts";
import { sendThrown } from "./thrown-error.ts";

/** A generator that never waits would fill its whole window before anything else is done, its own first write too. */
const VALUES_PER_TURN = 256;
type Schedule = (task: () => void) => void;
const nextTurn: Schedule =
  (globalThis as { setImmediate?: Schedule }).setImmediate ?? ((task) => setTimeout(task, 0));

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

  /**
   * Throws where too many are open; nothing is sent then.
   *
   * @param context - of the call: its signal aborts when the reader stops
   * @param onOver - called when the generator has ended
   */
  send(callId: number, source: AsyncGenerator<unknown>, context: CallContext, onOver: () => void): void {
    const { id, channel } = this.#mux.open(ChannelKind.stream, "", this.#functions);
    const writer = this.#session.begin(MessageType.stream);
    writer.uint(callId);
    writer.uint(id);
    this.#session.commit();
    let isStopped = false;
    channel.onStop = (): void => {
      isStopped = true;
      context.abort(failure("CNR_ERR_CANCELLED", { what: "the stream" }));
      // The generator ends at its current yield, and runs its `finally` blocks; what they throw has nobody to go to.
      callSafely(
        () => source.return(undefined),
        [],
        () => {},
      );
    };
    // Its code runs from here on, not when it was called.
    const pumped = callInContext(context, pumpStream, undefined, [source, channel]) as Promise<void>;
    pumped
      .then(
        () => channel.end(),
        (error: unknown) => {
          if (!isStopped) sendThrown(error, (form) => channel.fail(form));
        },
      )
      .finally(() => {
        this.#mux.forget(id);
        onOver();
      })
      .catch(() => {});
  }

  /** The channel that a result names. */
  claim(channelId: number): IncomingChannel {
    const channel = this.#unclaimed.get(channelId);
    if (!channel) throw failure("CNR_ERR_PROTOCOL", { reason: "a stream without its channel" });
    this.#unclaimed.delete(channelId);
    return channel;
  }

  /** @param place - where the generator runs, and for what: for its errors */
  receive(future: Future<unknown>, channel: IncomingChannel, place: string): void {
    if (future.done()) channel.stop();
    else future[fulfil](new RemoteStream(this.#session, channel, place));
  }
}

async function pumpStream(source: AsyncGenerator<unknown>, channel: OutgoingChannel): Promise<void> {
  let left = VALUES_PER_TURN;
  for await (const value of source) {
    await channel.send(value);
    if (--left > 0) continue;
    left = VALUES_PER_TURN;
    await new Promise<void>(nextTurn);
  }
}

/** Reads an async generator of the other side. Leaving the loop ends the generator there. */
class RemoteStream implements AsyncGenerator<unknown, void, undefined> {
  /** As a result of another call it travels on as a stream. */
  readonly [Symbol.toStringTag] = "AsyncGenerator";
  readonly #session: Session;
  readonly #channel: IncomingChannel;
  readonly #place: string;
  #isOver = false;

  constructor(session: Session, channel: IncomingChannel, place: string) {
    this.#session = session;
    this.#channel = channel;
    this.#place = place;
  }

  async next(): Promise<IteratorResult<unknown, void>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      return { done: false, value: await this.#channel.take() };
    } catch (error) {
      this.#isOver = true;
      if (this.#channel.isFinish(error)) return { done: true, value: undefined };
      // The end of the link is everybody's error: it is left as it is.
      if (error === this.#session.ended || !(error instanceof Error)) throw error;
      const trace: { stack?: string } = {};
      Error.captureStackTrace?.(trace);
      throw withLocalFrames(error, this.#place, trace.stack ?? "");
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
