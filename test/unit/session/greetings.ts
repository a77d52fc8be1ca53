import { type Limits, withLimits } from "../../../src/core/limits.ts";
import { encodeHello, type Hello, PROTOCOL_VERSION } from "../../../src/protocol/handshake-messages.ts";
import type { ServerGreeting } from "../../../src/session/greet-client.ts";
import type { ClientGreeting } from "../../../src/session/greet-server.ts";
import type { Session } from "../../../src/session/session.ts";
import { SessionTable } from "../../../src/session/session-table.ts";
import { SessionTicket } from "../../../src/session/session-ticket.ts";

/** A server's part in a handshake, with a table of its own. */
export function serverGreeting(
  limits: Partial<Limits>,
  onBegun: (session: Session, name: string) => void,
): ServerGreeting {
  const all = withLimits(limits);
  return { epoch: new Uint8Array(8), limits: all, sessions: new SessionTable(all), onBegun };
}

/** The part of a client that has no session yet. */
export function clientGreeting(
  limits: Partial<Limits>,
  onBegun: (session: Session) => void,
): ClientGreeting & { readonly ticket: SessionTicket } {
  return { limits: withLimits(limits), ticket: new SessionTicket(), name: "worker-3", onBegun };
}

/** The HELLO of a client that comes for the first time. */
export function firstHello(fields: Partial<Hello> = {}): Uint8Array {
  return encodeHello({
    ...withLimits(),
    version: PROTOCOL_VERSION,
    sessionId: new Uint8Array(16).fill(3),
    isFresh: true,
    attempt: 1,
    receivedFrames: 0,
    name: "worker-3",
    ...fields,
  });
}
