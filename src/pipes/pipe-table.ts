import type { FunctionCodec } from "../codec/function-codec.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import { MessageType } from "../protocol/message-types.ts";
import { notAllowed } from "../security/policy.ts";
import { ChannelKind, type ChannelMux } from "../session/channel-mux.ts";
import { IncomingChannel } from "../session/incoming-channel.ts";
import type { OutgoingChannel } from "../session/outgoing-channel.ts";
import type { Session } from "../session/session.ts";
import { Pipe, type PipeLink } from "./pipe.ts";

/** The pipe behind `send` and `recv` of client and peer themselves. */
const DEFAULT_NAME = "";

/**
 * The pipes of a client or peer, by name: channels of the session that it has now. Each side opens the direction in
 * which it sends, when it first does.
 */
export class PipeTable implements PipeLink {
  readonly #maySendHere: boolean;
  readonly #pipes = new Map<string, Pipe>();
  #session: Session | undefined;
  #mux: ChannelMux | undefined;
  #functions: FunctionCodec | undefined;
  #senders = new Map<string, OutgoingChannel>();
  #receivers = new Map<string, IncomingChannel>();
  /** Pipes through which the other side sends. */
  #opened = new Set<string>();
  /** Pipes into which the other side lets nothing be sent. */
  #refused = new Map<string, ConnectorError>();

  /** @param maySendHere - whether the other side may */
  constructor(maySendHere: boolean) {
    this.#maySendHere = maySendHere;
  }

  get main(): Pipe {
    return this.get(DEFAULT_NAME);
  }

  get(name: string): Pipe {
    const known = this.#pipes.get(name);
    if (known) return known;
    const pipe = new Pipe(name, this);
    this.#pipes.set(name, pipe);
    return pipe;
  }

  has(name: string): boolean {
    return name !== DEFAULT_NAME && (this.#pipes.has(name) || this.#receivers.has(name));
  }

  names(): string[] {
    return [...new Set([...this.#pipes.keys(), ...this.#receivers.keys()])].filter(
      (name) => name !== DEFAULT_NAME,
    );
  }

  /** Forgets the handle; the pipe itself lives as long as the link. */
  delete(name: string): boolean {
    return this.#pipes.delete(name);
  }

  /**
   * Runs all pipes over a new session; what an older one had left unread is gone with it.
   *
   * @param functions - how functions inside values travel over this session
   */
  attach(session: Session, mux: ChannelMux, functions: FunctionCodec | undefined): void {
    this.#session = session;
    this.#mux = mux;
    this.#functions = functions;
    const senders = new Map<string, OutgoingChannel>();
    const receivers = new Map<string, IncomingChannel>();
    this.#senders = senders;
    this.#receivers = receivers;
    this.#opened = new Set();
    this.#refused = new Map();
    mux.accept(
      ChannelKind.pipe,
      (id, name) => {
        if (!this.#maySendHere) return refuse(session, id);
        this.#opened.add(name);
        return receiverOf(session, receivers, name);
      },
      functions,
    );
    session.onEnd((reason) => {
      for (const receiver of receivers.values()) receiver.end(reason);
    });
  }

  sender(name: string): OutgoingChannel {
    let channel = this.#senders.get(name);
    if (channel) return channel;
    if (!this.#mux) throw failure("CNR_ERR_NOT_CONNECTED");
    ({ channel } = this.#mux.open(ChannelKind.pipe, name, this.#functions));
    this.#senders.set(name, channel);
    channel.onStop = this.#onStop(name, channel);
    return channel;
  }

  receiver(name: string): IncomingChannel {
    const session = this.#session;
    if (!session) throw failure("CNR_ERR_NOT_CONNECTED");
    const refused = this.#refused.size > 0 && !this.#receivers.has(name) && this.#refused.get(name);
    if (refused) throw refused;
    return receiverOf(session, this.#receivers, name);
  }

  /** A reader of a pipe never stops of itself: it is not allowed to be sent to. Nor will it answer then. */
  #onStop(name: string, channel: OutgoingChannel): () => void {
    const session = this.#session;
    const receivers = this.#receivers;
    return () => {
      if (session?.ended) return;
      const reason = notAllowed(
        "data",
        `sending through ${name === DEFAULT_NAME ? "a pipe" : `pipe "${name}"`}`,
      );
      channel.end(reason);
      const receiver = receivers.get(name);
      if (this.#opened.has(name)) return;
      this.#refused.set(name, reason);
      // Should the other side send through this pipe after all, that is a new conversation.
      receivers.delete(name);
      receiver?.end(reason);
    };
  }
}

/** What comes through this channel is dropped, and its sender is told that nobody may read it. */
function refuse(session: Session, id: number): IncomingChannel {
  const channel = new IncomingChannel(session, "recv");
  channel.end(undefined);
  session.begin(MessageType.channelStop).uint(id);
  session.commit();
  return channel;
}

function receiverOf(
  session: Session,
  receivers: Map<string, IncomingChannel>,
  name: string,
): IncomingChannel {
  let receiver = receivers.get(name);
  if (receiver) return receiver;
  receiver = new IncomingChannel(session, name === DEFAULT_NAME ? "recv" : `recv from pipe "${name}"`);
  if (session.ended) receiver.end(session.ended);
  receivers.set(name, receiver);
  return receiver;
}
