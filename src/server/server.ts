import { contained, rejected } from "../core/deferred.ts";
import { Emitter } from "../core/emitter.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import { randomBytes } from "../core/ids.ts";
import { type Limits, withLimits } from "../core/limits.ts";
import { onceEncoder } from "../endpoint/encoded-once.ts";
import { HostedSpace } from "../endpoint/hosted-space.ts";
import { nodePlatform } from "../endpoint/node/node-platform.ts";
import {
  type EndpointOptions,
  type Exposable,
  ExposedFunctions,
  type FunctionGroup,
  type Grants,
  grantsOf,
} from "../endpoint/options.ts";
import type {
  GlobalQueuesOf,
  GlobalVarsOf,
  LooseRecord,
  Outgoing,
  OwnFunctionsOf,
  PipeOf,
} from "../endpoint/schema.ts";
import { Space } from "../endpoint/space.ts";
import { greetClient } from "../session/greet-client.ts";
import type { Session } from "../session/session.ts";
import { SessionTable } from "../session/session-table.ts";
import { MemoryStore } from "../stores/memory-store.ts";
import { isLoopback, urlOf } from "../transport/address.ts";
import { listenTcp } from "../transport/node/tcp.ts";
import type { Address, Link, Listener } from "../transport/transport.ts";
import { Peer, sendBytes } from "./peer.ts";
import { closed, joined, left, moved, Peers } from "./peers.ts";

export interface ServerOptions extends EndpointOptions {
  /** An address of this machine. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
}

interface ServerEvents<App> {
  connect: [peer: Peer<App>];
  disconnect: [address: Address, peer: Peer<App>, reason: ConnectorError];
  reconnecting: [peer: Peer<App>, reason: ConnectorError];
  resumed: [peer: Peer<App>];
  error: [error: unknown, peer: Peer<App> | undefined];
}

const DEFAULT_HOST = "127.0.0.1";
const HANDSHAKE_TIMEOUT_MS = 5000;

/**
 * The program that others connect to. It is itself the space that all of them share: its variables and queues are
 * `client.globals` on every client.
 *
 * @example
 * const server = new Server({ port: 1900 });
 * await server.listen();
 * server.vars.greeting = "hello";
 * await server.holdOn();
 */
export class Server<App = LooseRecord>
  extends Space<GlobalVarsOf<App>, GlobalQueuesOf<App>>
  implements AsyncDisposable
{
  /** The connected peers, in order of connecting. */
  readonly clients: Peers<App> = new Peers<App>();
  readonly #options: ServerOptions;
  readonly #globals: HostedSpace<GlobalVarsOf<App>>;
  readonly #limits: Readonly<Limits>;
  readonly #grants: Grants;
  readonly #exposed: ExposedFunctions = new ExposedFunctions();
  readonly #events: Emitter<ServerEvents<App>>;
  readonly #epoch: Uint8Array = randomBytes(16);
  readonly #sessions: SessionTable;
  readonly #encodeOnce: (value: unknown) => Uint8Array;
  #onConnect: Disposable | undefined;
  #onDisconnect: Disposable | undefined;
  #listening: Promise<void> | undefined;
  #listener: Listener | undefined;
  readonly #whenClosed: (() => void)[] = [];
  #handshakes = 0;
  #closing: Promise<void> | undefined;

  /** Options only: nothing is opened before `listen()`. */
  constructor(options: ServerOptions = {}) {
    const limits = withLimits(options.limits);
    const grants = grantsOf(options);
    const events: Emitter<ServerEvents<App>> = new Emitter((error, _, args) =>
      events.emit("error", error, peerAmong<App>(args)),
    );
    const globals = new HostedSpace<GlobalVarsOf<App>>({
      store: new MemoryStore(),
      limits,
      host: nodePlatform,
      onError: (error) => events.emit("error", error, undefined),
    });
    super(globals.dict, globals.queues);
    this.#globals = globals;
    this.#options = options;
    this.#limits = limits;
    this.#sessions = new SessionTable(limits);
    this.#grants = grants;
    this.#events = events;
    this.#encodeOnce = onceEncoder(nodePlatform, limits);
  }

  /** Where it listens; prints as `host:port`. Null when it does not. */
  get address(): Address | null {
    return this.#listener?.address ?? null;
  }

  /** One text that a client can connect to. */
  get url(): string | null {
    return this.#listener ? urlOf(this.#listener.address) : null;
  }

  /** Whether it does not listen: before `listen()` and after `close()`. */
  get isClosed(): boolean {
    return this.#listener === undefined;
  }

  /**
   * Starts to listen; also again after `close()`, with the variables and queues it had.
   *
   * Rejects with `CNR_ERR_ADDRESS_IN_USE`, `CNR_ERR_ADDRESS_UNAVAILABLE`, `CNR_ERR_HOST_UNKNOWN`, `CNR_ERR_LOOPBACK_ONLY`.
   */
  listen(): Promise<void> {
    this.#listening ??= contained(
      this.#listen().catch((error: unknown) => {
        this.#listening = undefined;
        throw error;
      }),
    );
    return this.#listening;
  }

  /** Calls `callback` with each client that connects; any number of calls may run at once. A second callback replaces the first. */
  setConnectCallback(callback: (peer: Peer<App>) => unknown): void {
    this.#onConnect?.[Symbol.dispose]();
    this.#onConnect = this.on("connect", callback);
  }

  /** Calls `callback` once for each client that has gone, for whatever reason. A second callback replaces the first. */
  setDisconnectCallback(
    callback: (address: Address, peer: Peer<App>, reason: ConnectorError) => unknown,
  ): void {
    this.#onDisconnect?.[Symbol.dispose]();
    this.#onDisconnect = this.on("disconnect", callback);
  }

  /**
   * Hears of `"connect"`, `"disconnect"`, of `"reconnecting"` (a client's link was lost) and `"resumed"` (it is back), and of
   * `"error"`: what failed with nobody waiting for it, and with which peer.
   */
  on<Name extends keyof ServerEvents<App>>(
    name: Name,
    listener: (...args: ServerEvents<App>[Name]) => unknown,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /** Lets all clients call these functions by name; see `Endpoint.expose`. */
  expose(functions: Exposable<OwnFunctionsOf<App, "server">>): void {
    this.#exposed.expose(functions as FunctionGroup);
  }

  /**
   * Sends a value through the main pipe of every client, encoded once. Resolves when all have taken it or are gone.
   *
   * @param options - `except`: one peer or several that do not get it
   * @returns rejects with `CNR_ERR_UNSENDABLE` or `CNR_ERR_VALUE_TOO_LARGE`, and nobody has got it then
   * @example
   * await server.broadcast({ from: peer.name, text }, { except: peer });
   */
  broadcast(
    value: Outgoing<PipeOf<App>, "server">,
    options: { readonly except?: Peer<App> | readonly Peer<App>[] | undefined } = {},
  ): Promise<void> {
    const except = new Set(options.except === undefined ? [] : [options.except].flat());
    let bytes: Uint8Array;
    try {
      bytes = this.#encodeOnce(value);
    } catch (error) {
      return rejected(error);
    }
    const peers = this.clients.filter((peer) => !except.has(peer) && !peer.isClosed);
    return Promise.allSettled(peers.map((peer) => peer[sendBytes](bytes))).then(() => undefined);
  }

  /** Resolves when the server is closed: by `close()`, or by Ctrl-C or SIGTERM, after closing in order. */
  async holdOn(): Promise<void> {
    using _termination = nodePlatform.onTermination(() => void this.close());
    await new Promise<void>((resolve) => {
      if (this.isClosed) return resolve();
      this.#whenClosed.push(resolve);
    });
    await this.#closing;
  }

  /** Stops listening, sends what was sent, ends every wait with an error, and resolves when all links are closed. Repeatable. */
  close(): Promise<void> {
    if (!this.#listening) return this.#closing ?? Promise.resolve();
    this.#closing = this.#close(this.#listening);
    this.#listening = undefined;
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(): Promise<void> {
    await this.#closing;
    const { host = DEFAULT_HOST, port = 0 } = this.#options;
    if (!isLoopback(host)) throw failure("CNR_ERR_LOOPBACK_ONLY", { host });
    this.#listener = await listenTcp(host, port, (link) => void this.#greet(link));
    this.#globals.openQueues();
  }

  async #close(listening: Promise<void>): Promise<void> {
    await listening.catch(() => {});
    const listener = this.#listener;
    this.#listener = undefined;
    const reason = failure("CNR_ERR_CLOSED", { by: "this side" });
    this.clients[closed](reason);
    this.#globals.closeQueues(reason);
    // A copy: peers leave the list while it is gone through.
    await Promise.all([listener?.close(), ...[...this.clients].map((peer) => peer.close())]);
    for (const resolve of this.#whenClosed.splice(0)) resolve();
  }

  /** Every link that comes goes through here, whatever has brought it. */
  async #greet(link: Link): Promise<void> {
    if (this.#handshakes >= this.#limits.maxPendingHandshakes) return link.abort();
    this.#handshakes++;
    const greeting = {
      epoch: this.#epoch,
      sessions: this.#sessions,
      limits: this.#limits,
      heartbeat: this.#options.heartbeat,
      onBegun: (session: Session, name: string) => this.#join(session, name),
    };
    try {
      await greetClient(link, greeting, { timeoutMs: HANDSHAKE_TIMEOUT_MS });
    } catch (error) {
      this.#report(error);
    } finally {
      this.#handshakes--;
    }
  }

  #join(session: Session, name: string): void {
    if (!this.#listener) return void session.close();
    const peer = new Peer<App>({
      server: this,
      session,
      name,
      platform: nodePlatform,
      grants: this.#grants,
      exposed: this.#exposed,
      globals: this.#globals,
      onError: (error, from) => this.#report(error, from),
    });
    this.clients[joined](peer);
    session.onAbsent((reason) => this.#events.emit("reconnecting", peer, reason));
    session.onResumed(() => {
      this.clients[moved](peer);
      this.#events.emit("resumed", peer);
    });
    session.onEnd((reason) => {
      this.clients[left](peer);
      this.#events.emit("disconnect", peer.address, peer, reason);
    });
    this.#events.emit("connect", peer);
  }

  #report(error: unknown, peer?: Peer<App>): void {
    this.#events.emit("error", error, peer);
  }
}

function peerAmong<App>(args: readonly unknown[]): Peer<App> | undefined {
  return args.find((each) => each instanceof Peer) as Peer<App> | undefined;
}
