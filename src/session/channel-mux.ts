import type { FunctionCodec } from "../codec/function-codec.ts";
import { ByteReader } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { IncomingChannel } from "./incoming-channel.ts";
import { OutgoingChannel } from "./outgoing-channel.ts";
import type { Session } from "./session.ts";

/** What a channel is for; the number travels. */
export const ChannelKind = { pipe: 1, stream: 2 } as const;

/** Gives the receiving end of a channel that the other side opens. */
export type ChannelAcceptor = (id: number, name: string) => IncomingChannel;

interface Incoming {
  readonly channel: IncomingChannel;
  readonly functions: FunctionCodec | undefined;
}

/**
 * The channels of a session: ordered streams of values, each with its own credit, in one direction each.
 * The sender numbers them, so the two directions never meet.
 */
export class ChannelMux {
  readonly #session: Session;
  readonly #outgoing = new Map<number, OutgoingChannel>();
  readonly #incoming = new Map<number, Incoming>();
  readonly #acceptors = new Map<number, { accept: ChannelAcceptor; functions: FunctionCodec | undefined }>();
  #nextId = 1;

  constructor(session: Session) {
    this.#session = session;
    session.handle({
      [MessageType.channelOpen]: (reader) => this.#opened(reader),
      [MessageType.channelValue]: (reader) => this.#value(reader),
      [MessageType.channelBytes]: (reader) => this.#bytes(reader),
      [MessageType.channelCredit]: (reader) => {
        const id = reader.uint();
        const limit = reader.uint();
        // It may have crossed the end of its channel on the way.
        this.#outgoing.get(id)?.grant(limit);
      },
      [MessageType.channelEnd]: (reader) => {
        this.#take(reader.uint())?.channel.finish();
      },
      [MessageType.channelFail]: (reader) => {
        const incoming = this.#take(reader.uint());
        const reason = session.decoder.decode(reader);
        incoming?.channel.end(reason);
      },
      [MessageType.channelStop]: (reader) => {
        const id = reader.uint();
        const channel = this.#outgoing.get(id);
        // First: whoever knows why nobody reads on ends the channel with that reason.
        channel?.onStop?.();
        // Answered with an end, so that the reader's side can forget the channel too.
        channel?.end(failure("CNR_ERR_CANCELLED", { what: "the stream" }));
        this.#outgoing.delete(id);
      },
    });
    session.onDrain(() => {
      for (const channel of this.#outgoing.values()) channel.pump();
    });
    session.onEnd((reason) => {
      for (const channel of this.#outgoing.values()) channel.stopped(reason);
      for (const { channel } of this.#incoming.values()) channel.end(reason);
      this.#outgoing.clear();
      this.#incoming.clear();
    });
  }

  /** Says what becomes of channels of a kind that the other side opens, and how functions in their values are read. */
  accept(kind: number, accept: ChannelAcceptor, functions: FunctionCodec | undefined): void {
    this.#acceptors.set(kind, { accept, functions });
  }

  /** Opens a channel to the other side; values may follow at once. */
  open(
    kind: number,
    name: string,
    functions: FunctionCodec | undefined,
  ): { id: number; channel: OutgoingChannel } {
    const { maxChannels: max } = this.#session.limits;
    if (this.#outgoing.size >= max) {
      throw failure("CNR_ERR_TOO_MANY", { what: "open pipes and streams", max, option: "maxChannels" });
    }
    const id = this.#nextId++;
    const writer = this.#session.begin(MessageType.channelOpen);
    writer.uint(id);
    writer.uint(kind);
    writer.string(name);
    this.#session.commit();
    const channel = new OutgoingChannel(this.#session, id, `send to "${name}"`, functions);
    this.#outgoing.set(id, channel);
    return { id, channel };
  }

  /** Forgets a channel whose sender has ended it. */
  forget(id: number): void {
    this.#outgoing.delete(id);
  }

  #opened(reader: ByteReader): void {
    const id = reader.uint();
    const kind = reader.uint();
    const name = reader.key();
    const acceptor = this.#acceptors.get(kind);
    if (!acceptor || this.#incoming.has(id))
      throw failure("CNR_ERR_PROTOCOL", { reason: "a channel that cannot be" });
    const { maxChannels } = this.#session.limits;
    if (this.#incoming.size >= maxChannels) {
      throw failure("CNR_ERR_PROTOCOL", { reason: `more than ${maxChannels} channels at once` });
    }
    const channel = acceptor.accept(id, name);
    channel.opened(id);
    this.#incoming.set(id, { channel, functions: acceptor.functions });
  }

  #value(reader: ByteReader): void {
    const incoming = this.#find(reader.uint());
    const start = reader.position;
    const taken = this.#session.takenBytes;
    const value = this.#session.decoder.decode(reader, incoming.functions);
    incoming.channel.receive(value, reader.position - start + this.#session.takenBytes - taken);
  }

  #bytes(reader: ByteReader): void {
    const incoming = this.#find(reader.uint());
    const start = reader.position;
    const taken = this.#session.takenBytes;
    const bytes = reader.binary();
    const size = reader.position - start + this.#session.takenBytes - taken;
    incoming.channel.receive(
      this.#session.plainDecoder.decode(new ByteReader(bytes), incoming.functions),
      size,
    );
  }

  #find(id: number): Incoming {
    const incoming = this.#incoming.get(id);
    if (!incoming)
      throw failure("CNR_ERR_PROTOCOL", { reason: `a value on channel ${id}, which is not open` });
    return incoming;
  }

  #take(id: number): Incoming | undefined {
    const incoming = this.#incoming.get(id);
    this.#incoming.delete(id);
    return incoming;
  }
}
