import { failure } from "../core/errors.ts";
import { randomBytes, toHex } from "../core/ids.ts";
import type { Limits } from "../core/limits.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { FrameKind, frameOf } from "../protocol/frame.ts";
import {
  decodeHello,
  decodeWelcome,
  encodeBye,
  encodeHello,
  encodeWelcome,
  type Hello,
  PROTOCOL_VERSION,
  type Welcome,
} from "../protocol/handshake-messages.ts";
import type { Link } from "../transport/transport.ts";
import { Greeting } from "./greeting.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import { Session, type SessionOptions } from "./session.ts";

/** Enough that no two clients of a server meet. */
const PEER_ID_BYTES = 6;

export interface HandshakeOptions {
  readonly limits: Readonly<Limits>;
  readonly heartbeat?: HeartbeatOptions | undefined;
}

/** What the server learns of a client. */
export interface Greeted {
  readonly session: Session;
  readonly name: string;
}

/**
 * The client's side: says HELLO, waits for WELCOME.
 *
 * Rejects with `HandshakeError` `CNR_ERR_NOT_CONNECTOR`, `CNR_ERR_VERSION` or, when the link ends first,
 * `CNR_ERR_HANDSHAKE_REFUSED`, and as `wait` says; the link is closed then.
 *
 * @param onGreeted - called in the same step, before anything that the server sent behind its WELCOME is read
 */
export function greetServer(
  link: Link,
  hello: Pick<Hello, "sessionId" | "name">,
  options: HandshakeOptions,
  wait: WaitOptions,
  onGreeted: (session: Session) => void,
): Promise<void> {
  const greeting = new Greeting(
    link,
    {
      expects: FrameKind.welcome,
      name: "welcome",
      begin(payload, decoder) {
        const welcome = decodeWelcome(payload);
        if (!welcome.epoch) throw otherVersion(welcome.version);
        const agreed = agreement(options, welcome);
        return new Session({ ...agreed, link, decoder, waitsForReader: false, id: welcome.peerId });
      },
      begun: onGreeted,
      lost(cause) {
        const reason =
          (cause as { code?: string } | undefined)?.code ?? "it ended the link before saying anything";
        return failure("CNR_ERR_HANDSHAKE_REFUSED", { reason }, cause);
      },
    },
    wait,
  );
  const opening = encodeHello({ ...options.limits, ...hello, version: PROTOCOL_VERSION });
  return greeting.start(frameOf(FrameKind.hello, opening));
}

/**
 * The server's side: waits for HELLO, answers WELCOME. Rejects with `HandshakeError` for a stranger's bytes or another
 * version, and as `wait` says; the link is closed then.
 *
 * @param onGreeted - called in the same step, before anything that the client sent behind its HELLO is read
 */
export function greetClient(
  link: Link,
  epoch: Uint8Array,
  options: HandshakeOptions,
  wait: WaitOptions,
  onGreeted: (greeted: Greeted) => void,
): Promise<void> {
  let name = "";
  const greeting = new Greeting(
    link,
    {
      expects: FrameKind.hello,
      name: "hello",
      begin(payload, decoder) {
        const hello = decodeHello(payload);
        const peerId = toHex(randomBytes(PEER_ID_BYTES));
        const welcome = encodeWelcome({ ...options.limits, version: PROTOCOL_VERSION, epoch, peerId });
        link.write([frameOf(FrameKind.welcome, welcome)]);
        if (!hello.sessionId) {
          const error = otherVersion(hello.version);
          link.write([frameOf(FrameKind.bye, encodeBye({ code: error.code, text: error.message }))]);
          throw error;
        }
        name = hello.name;
        return new Session({ ...agreement(options, hello), link, decoder, waitsForReader: true, id: peerId });
      },
      begun: (session) => onGreeted({ session, name }),
      lost: (cause) => failure("CNR_ERR_LINK_LOST", { reason: "it ended before its handshake" }, cause),
    },
    wait,
  );
  return greeting.start(undefined);
}

/** What both sides take. */
function agreement(
  options: HandshakeOptions,
  theirs: Pick<Welcome, "maxValueBytes" | "maxDepth" | "channelWindowBytes">,
): Omit<SessionOptions, "link" | "decoder" | "waitsForReader" | "id"> {
  const { limits } = options;
  return {
    ...options,
    maxValueBytes: Math.min(limits.maxValueBytes, theirs.maxValueBytes),
    maxDepth: Math.min(limits.maxDepth, theirs.maxDepth),
    peerWindowBytes: theirs.channelWindowBytes,
  };
}

function otherVersion(theirs: number): ReturnType<typeof failure> {
  return failure("CNR_ERR_VERSION", { theirs, ours: PROTOCOL_VERSION });
}
