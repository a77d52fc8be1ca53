import type { Limits } from "../../src/core/limits.ts";
import { greetClient } from "../../src/session/greet-client.ts";
import { greetServer } from "../../src/session/greet-server.ts";
import type { Session } from "../../src/session/session.ts";
import type { SessionTable } from "../../src/session/session-table.ts";
import type { SessionTicket } from "../../src/session/session-ticket.ts";
import type { CutWire } from "./cut-wire.ts";

export interface Parties {
  readonly limits: Readonly<Limits>;
  readonly sessions: SessionTable;
  readonly ticket: SessionTicket;
}

/**
 * A client and a server shake hands over a wire that may be cut meanwhile.
 *
 * @param session - the client's, that is to go on
 * @param onBegun - hear of a new session, each side of its own
 */
export function greetOver(
  wire: CutWire,
  { limits, sessions, ticket }: Parties,
  session: Session | undefined,
  onBegun: { readonly server: (session: Session) => void; readonly client: (session: Session) => void },
): void {
  const atServer = { epoch: new Uint8Array(8), limits, sessions, onBegun: onBegun.server };
  const atClient = {
    limits,
    ticket,
    name: "",
    session,
    onBegun: (begun: Session) => {
      begun.onAbsent(() => {});
      onBegun.client(begun);
    },
  };
  greetClient(wire.server, atServer, {}).catch(() => {});
  greetServer(wire.client, atClient, {}).catch(() => {});
}
