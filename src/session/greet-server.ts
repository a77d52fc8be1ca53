import { failure } from "../core/errors.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { FrameKind, frameOf } from "../protocol/frame.ts";
import type { FrameDecoder } from "../protocol/frame-decoder.ts";
import {
  decodeWelcome,
  encodeHello,
  LostReason,
  PROTOCOL_VERSION,
  type Welcome,
} from "../protocol/handshake-messages.ts";
import type { Link } from "../transport/transport.ts";
import { type Begun, Greeting } from "./greeting.ts";
import { agreement, type HandshakeOptions, otherVersion } from "./handshake.ts";
import { Session } from "./session.ts";
import type { SessionTicket } from "./session-ticket.ts";

export interface ClientGreeting extends HandshakeOptions {
  readonly ticket: SessionTicket;
  readonly name: string;
  /** The session that is to go on; left out to begin one. */
  readonly session?: Session | undefined;
  /** Called for a new session, before anything that the server sent behind its WELCOME is read. */
  readonly onBegun: (session: Session) => void;
}

/**
 * The client's side: says HELLO, waits for WELCOME. The session goes on over this link; where the server cannot go on
 * with it, it ends with `CNR_ERR_SESSION_LOST`, and a new one begins.
 *
 * Rejects with `HandshakeError` `CNR_ERR_NOT_CONNECTOR`, `CNR_ERR_VERSION` or, when the link ends first,
 * `CNR_ERR_HANDSHAKE_REFUSED`, and as `wait` says; the link is closed then.
 */
export function greetServer(link: Link, greeting: ClientGreeting, wait: WaitOptions): Promise<void> {
  const { ticket } = greeting;
  let { session } = greeting;
  // Unless the server has never answered for it: then the session that it may have begun is the one to begin.
  if (!session && ticket.isWelcomed) ticket.renew();
  let saidAtMs = performance.now();
  const hello = (): Uint8Array => {
    saidAtMs = performance.now();
    const { limits, name } = greeting;
    const receivedFrames = session?.receivedFrames ?? 0;
    const said = { ...limits, ...ticket.present(), version: PROTOCOL_VERSION, receivedFrames, name };
    return frameOf(FrameKind.hello, encodeHello(said));
  };
  const begin = (payload: Uint8Array, decoder: FrameDecoder): Begun | undefined => {
    const welcome = decodeWelcome(payload);
    if (!welcome.epoch) throw otherVersion(welcome.version);
    const roundTripMs = performance.now() - saidAtMs;
    const lost = reasonAgainst(welcome, session);
    if (lost !== undefined) {
      giveUp(session, ticket, lost, welcome.epoch);
      session = undefined;
      ticket.renew();
      if (lost === LostReason.gap) throw failure("CNR_ERR_HANDSHAKE_REFUSED", { reason: lost });
      link.write([hello()]);
      return undefined;
    }
    ticket.isWelcomed = true;
    ticket.epoch = welcome.epoch;
    if (session) {
      const attached = session.resume(link, decoder, welcome.receivedFrames);
      session.measured(roundTripMs);
      return { attached, onTaken() {} };
    }
    const begun = new Session({
      ...agreement(greeting, welcome),
      link,
      decoder,
      waitsForReader: false,
      id: welcome.peerId,
    });
    begun.measured(roundTripMs);
    return { attached: begun.attached, onTaken: () => greeting.onBegun(begun) };
  };
  const lost = (cause: Error | undefined): ReturnType<typeof failure> => {
    const reason =
      (cause as { code?: string } | undefined)?.code ?? "it ended the link before saying anything";
    return failure("CNR_ERR_HANDSHAKE_REFUSED", { reason }, cause);
  };
  return new Greeting(link, { expects: FrameKind.welcome, name: "welcome", begin, lost }, wait).start(
    hello(),
  );
}

/** Why the session cannot go on, as either side sees it. */
function reasonAgainst(welcome: Welcome, session: Session | undefined): string | undefined {
  if (welcome.lost !== "") return welcome.lost;
  return session && !session.canResume(welcome.receivedFrames) ? LostReason.gap : undefined;
}

function giveUp(session: Session | undefined, ticket: SessionTicket, lost: string, epoch: Uint8Array): void {
  const restarted = ticket.epoch?.some((byte, n) => byte !== epoch[n]) ?? false;
  const reason = restarted ? "the server was restarted" : `the server says: ${lost}`;
  session?.abort(failure("CNR_ERR_SESSION_LOST", { reason, restarted }));
}
