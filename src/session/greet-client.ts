import { failure } from "../core/errors.ts";
import { randomBytes, toHex } from "../core/ids.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { FrameKind, frameOf } from "../protocol/frame.ts";
import type { FrameDecoder } from "../protocol/frame-decoder.ts";
import {
  decodeHello,
  encodeBye,
  encodeWelcome,
  type Hello,
  LostReason,
  PROTOCOL_VERSION,
} from "../protocol/handshake-messages.ts";
import type { Link } from "../transport/transport.ts";
import { type Begun, Greeting } from "./greeting.ts";
import { agreement, type HandshakeOptions, otherVersion } from "./handshake.ts";
import { Session } from "./session.ts";
import type { SessionTable } from "./session-table.ts";

/** Enough that no two clients of a server meet. */
const PEER_ID_BYTES = 6;

export interface ServerGreeting extends HandshakeOptions {
  /** New with every server: tells a restart from a lost link. */
  readonly epoch: Uint8Array;
  readonly sessions: SessionTable;
  /** The key with which the link was authenticated; a session goes on only with the key it was begun with. */
  readonly keyName?: string | undefined;
  /** Called for a new session, before anything that the client sent behind its HELLO is read. */
  readonly onBegun: (session: Session, clientName: string) => void;
}

/**
 * The server's side: waits for HELLO, answers WELCOME; a session begins, or one that is known goes on over this link.
 *
 * Rejects with `HandshakeError` for a stranger's bytes or another version, and as `wait` says; the link is closed then.
 */
export function greetClient(link: Link, greeting: ServerGreeting, wait: WaitOptions): Promise<void> {
  let hasBeenRefused = false;
  const begin = (payload: Uint8Array, decoder: FrameDecoder): Begun | undefined => {
    const hello = decodeHello(payload);
    if (!hello.sessionId) {
      const error = otherVersion(hello.version);
      welcome(link, greeting, "", "", 0);
      link.write([frameOf(FrameKind.bye, encodeBye({ code: error.code, text: error.message }))]);
      throw error;
    }
    const lost = reasonAgainst(greeting, hello);
    if (lost !== undefined) {
      // It may begin a fresh session over this link; who asks again and again is no client.
      if (hasBeenRefused) throw failure("CNR_ERR_HANDSHAKE_REFUSED", { reason: lost });
      hasBeenRefused = true;
      welcome(link, greeting, "", lost, 0);
      return undefined;
    }
    return goOn(link, greeting, hello, decoder) ?? beginNew(link, greeting, hello, decoder);
  };
  const lost = (cause: Error | undefined): ReturnType<typeof failure> =>
    failure("CNR_ERR_LINK_LOST", { reason: "it ended before its handshake" }, cause);
  return new Greeting(link, { expects: FrameKind.hello, name: "hello", begin, lost }, wait).start(undefined);
}

/** Why the session that a HELLO names cannot go on or begin. */
function reasonAgainst(greeting: ServerGreeting, hello: Hello): string | undefined {
  const entry = greeting.sessions.find(hello.sessionId);
  if (!entry) return hello.isFresh ? undefined : LostReason.unknown;
  if (entry.keyName !== (greeting.keyName ?? "")) return LostReason.otherKey;
  if (hello.attempt <= entry.attempt) {
    // Its client has given up that link since: answering would take the session from the link that it has now.
    throw failure("CNR_ERR_HANDSHAKE_REFUSED", { reason: "a newer link has this session" });
  }
  if (entry.session.canResume(hello.receivedFrames)) return undefined;
  entry.session.abort(failure("CNR_ERR_SESSION_LOST", { reason: LostReason.gap, restarted: false }));
  return LostReason.gap;
}

function goOn(link: Link, greeting: ServerGreeting, hello: Hello, decoder: FrameDecoder): Begun | undefined {
  const entry = greeting.sessions.find(hello.sessionId);
  if (!entry) return undefined;
  const { session } = entry;
  entry.attempt = hello.attempt;
  // First of all: what the old link still brings would be counted, and then come again.
  session.leaveLink();
  if (session.ended) throw failure("CNR_ERR_HANDSHAKE_REFUSED", { reason: session.ended.message });
  welcome(link, greeting, session.id, "", session.receivedFrames);
  return { attached: session.resume(link, decoder, hello.receivedFrames), onTaken() {} };
}

function beginNew(link: Link, greeting: ServerGreeting, hello: Hello, decoder: FrameDecoder): Begun {
  const id = toHex(randomBytes(PEER_ID_BYTES));
  welcome(link, greeting, id, "", 0);
  const { budget } = greeting.sessions;
  const session = new Session({
    ...agreement(greeting, hello),
    link,
    decoder,
    budget,
    waitsForReader: true,
    id,
  });
  greeting.sessions.add(hello.sessionId, greeting.keyName ?? "", hello.attempt, session);
  return { attached: session.attached, onTaken: () => greeting.onBegun(session, hello.name) };
}

function welcome(
  link: Link,
  { epoch, limits }: ServerGreeting,
  peerId: string,
  lost: string,
  receivedFrames: number,
): void {
  const payload = encodeWelcome({
    ...limits,
    version: PROTOCOL_VERSION,
    epoch,
    peerId,
    lost,
    receivedFrames,
  });
  link.write([frameOf(FrameKind.welcome, payload)]);
}
