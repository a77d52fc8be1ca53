import { Emitter } from "../core/emitter.ts";
import type { ConnectorError } from "../core/errors.ts";
import { Endpoint, type EndpointParts, type State } from "../endpoint/endpoint.ts";
import { HostedSpace, type ServedSpace, serveSpaces } from "../endpoint/hosted-space.ts";
import type { LooseRecord, QueuesOf, VarsOf } from "../endpoint/schema.ts";
import type { Space } from "../endpoint/space.ts";
import type { Session } from "../session/session.ts";
import type { SessionStats } from "../session/stats.ts";
import { MemoryStore } from "../stores/memory-store.ts";
import type { Address } from "../transport/transport.ts";
import type { Server } from "./server.ts";

/** For the server alone. */
export const sendBytes: unique symbol = Symbol("sendBytes");
export const dismiss: unique symbol = Symbol("dismiss");

interface PeerEvents {
  disconnect: [reason: ConnectorError];
  reconnecting: [reason: ConnectorError];
  resumed: [];
  error: [error: unknown];
}

export interface PeerOptions<App> extends EndpointParts {
  readonly server: Server<App>;
  readonly session: Session;
  readonly name: string;
  readonly keyName: string | undefined;
  readonly globals: ServedSpace;
  /** Hears of failures that nobody waits for. */
  readonly onError: (error: unknown, peer: Peer<App>) => void;
}

/** The server's handle on one client. See `Endpoint` for all that it can do. */
export class Peer<App = LooseRecord> extends Endpoint<App, "server"> {
  /** The server that this client is connected to. */
  readonly server: Server<App>;
  /** What the client called itself. */
  readonly name: string;
  /** Which of the server's keys it has proved: `"main"`, or a name of `keys`; undefined where none is asked for. */
  readonly keyName: string | undefined;
  readonly #session: Session;
  readonly #events: Emitter<PeerEvents>;
  readonly #space: () => Space<VarsOf<App>, QueuesOf<App>>;

  constructor(options: PeerOptions<App>) {
    super(options);
    const { session, platform, grants, server } = options;
    const onError = (error: unknown): void => {
      options.onError(error, this);
      this.#events.emit("error", error);
    };
    this.#session = session;
    this.#events = new Emitter((error) => options.onError(error, this));
    this.server = server;
    this.name = options.name;
    this.keyName = options.keyName;
    this.attach(session, { server, peer: this });
    this.#space = serveSpaces(session, {
      globals: options.globals,
      makeLocal: () =>
        new HostedSpace({
          store: new MemoryStore(),
          limits: session.limits,
          host: platform,
          onError,
        }),
      grants,
    });
    session.onEnd((reason) => this.#events.emit("disconnect", reason));
    session.onAbsent((reason) => this.#events.emit("reconnecting", reason));
    session.onResumed(() => this.#events.emit("resumed"));
  }

  /** The same text as the client's own `id`; no two clients of a server share one. */
  get id(): string {
    return this.#session.id;
  }

  /** The client's address of the newest link. */
  get address(): Address {
    return this.#session.link.remoteAddress;
  }

  get state(): State {
    if (this.#session.ended) return "closed";
    return this.#session.isAbsent ? "reconnecting" : "open";
  }

  /** Bytes and frames each way, the time to the client and back, what waits. */
  stats(): SessionStats {
    return this.#session.stats;
  }

  /**
   * Hears of `"disconnect"` (with the reason, once), of `"reconnecting"` (the link was lost, and why) and `"resumed"`
   * (the client is back, and nothing was lost), and of `"error"` (what failed with nobody waiting for it).
   */
  on<Name extends keyof PeerEvents>(
    name: Name,
    listener: (...args: PeerEvents[Name]) => unknown,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /** Sends what was sent, ends every wait with `CNR_ERR_CLOSED`, and resolves when the link is closed. Repeatable. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** Ends the session, and tells the client why. */
  [dismiss](reason: ConnectorError): void {
    this.#session.dismiss(reason);
  }

  /** Sends a value that is encoded already; see `Server.broadcast`. */
  [sendBytes](bytes: Uint8Array): Promise<void> {
    return this.sendEncoded(bytes);
  }

  protected get local(): Space<VarsOf<App>, QueuesOf<App>> {
    return this.#space();
  }
}
