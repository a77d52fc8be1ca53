import { Emitter } from "../core/emitter.ts";
import type { ConnectorError } from "../core/errors.ts";
import { Endpoint, type State } from "../endpoint/endpoint.ts";
import type { Platform } from "../endpoint/platform.ts";
import type { LooseRecord, QueuesOf, VarsOf } from "../endpoint/schema.ts";
import type { Space } from "../endpoint/space.ts";
import { functionsByValue } from "../functions/by-value.ts";
import { PipeTable } from "../pipes/pipe-table.ts";
import type { Grants } from "../rpc/code-host.ts";
import { ExposedFunctions } from "../rpc/exposed-functions.ts";
import type { Session } from "../session/session.ts";
import type { Address } from "../transport/transport.ts";
import { HostedSpace } from "./hosted-space.ts";
import type { Server } from "./server.ts";

interface PeerEvents {
  disconnect: [reason: ConnectorError];
  error: [error: unknown];
}

export interface PeerOptions<App> {
  readonly server: Server<App>;
  readonly session: Session;
  readonly name: string;
  readonly platform: Platform;
  readonly grants: Grants;
  readonly exposed: ExposedFunctions;
  /** Hears of failures that nobody waits for. */
  readonly onError: (error: unknown, peer: Peer<App>) => void;
}

/** The server's handle on one client. See `Endpoint` for all that it can do. */
export class Peer<App = LooseRecord> extends Endpoint<App, "server"> {
  readonly server: Server<App>;
  /** What the client called itself. */
  readonly name: string;
  readonly #session: Session;
  readonly #options: PeerOptions<App>;
  readonly #pipeTable: PipeTable;
  #hosted: HostedSpace<VarsOf<App>, QueuesOf<App>> | undefined;
  #events: Emitter<PeerEvents> | undefined;

  constructor(options: PeerOptions<App>) {
    const { session, platform, grants } = options;
    const pipes = new PipeTable(functionsByValue(platform, grants.code));
    super({ pipes, exposed: new ExposedFunctions(options.exposed) });
    this.#pipeTable = pipes;
    this.server = options.server;
    this.name = options.name;
    this.#session = session;
    this.#options = options;
    this.attach(session, { host: platform, grants, peer: this, names: { server: options.server, peer: this } });
    session.onEnd((reason) => {
      this.#hosted?.end(reason);
      this.#events?.emit("disconnect", reason);
    });
  }

  get id(): string {
    return this.#session.id;
  }

  get address(): Address {
    return this.#session.link.remoteAddress;
  }

  get state(): State {
    return this.#session.ended ? "closed" : "open";
  }

  /** Hears of `"disconnect"` (with the reason, once) and `"error"` (what failed with nobody waiting for it). */
  on<Name extends keyof PeerEvents>(name: Name, listener: (...args: PeerEvents[Name]) => unknown): Disposable {
    this.#events ??= new Emitter((error) => this.#options.onError(error, this));
    return this.#events.on(name, listener);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  /** Most clients share nothing but the globals: the space of the two is made when one of them uses it. */
  get hosted(): HostedSpace<VarsOf<App>, QueuesOf<App>> {
    if (!this.#hosted) {
      const { platform, grants } = this.#options;
      this.#hosted = new HostedSpace(functionsByValue(platform, grants.code), this.#session.limits, (error) => {
        this.#options.onError(error, this);
        this.#events?.emit("error", error);
      });
      if (this.#session.ended) this.#hosted.end(this.#session.ended);
    }
    return this.#hosted;
  }

  /** Sends a value that is encoded already; see `Server.broadcast`. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    return this.#pipeTable.sender("").sendBytes(bytes);
  }

  protected get local(): Space<VarsOf<App>, QueuesOf<App>> {
    return this.hosted;
  }
}
