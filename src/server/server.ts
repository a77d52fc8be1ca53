import { contained, rejected } from "../core/deferred.ts";
import { Emitter } from "../core/emitter.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import { withLimits } from "../core/limits.ts";
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
  type ServerKeyOptions,
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
import { MAIN_KEY } from "../security/key-ring.ts";
import type { Session } from "../session/session.ts";
import { MemoryStore } from "../stores/memory-store.ts";
import { urlOf } from "../transport/address.ts";
import type { PortOrWorker } from "../transport/node/worker-port.ts";
import type { Address, Listener } from "../transport/transport.ts";
import { dismiss, Peer, sendBytes } from "./peer.ts";
import { closed, joined, left, moved, Peers } from "./peers.ts";
import { Reception } from "./reception.ts";
import { ring, ServerKeys } from "./server-keys.ts";

export interface ServerOptions extends EndpointOptions, ServerKeyOptions {
  /** An address of this machine; left out, all of them, and with `key: false` loopback alone. */
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
  /** The keys that it takes, besides the main one by name. */
  readonly keys: ServerKeys;
  readonly #options: ServerOptions;
  readonly #globals: HostedSpace<GlobalVarsOf<App>>;
  readonly #grants: Grants;
  readonly #exposed: ExposedFunctions = new ExposedFunctions();
  readonly #events: Emitter<ServerEvents<App>>;
  readonly #reception: Reception;
  readonly #encodeOnce: (value: unknown) => Uint8Array;
  #onConnect: Disposable | undefined;
  #onDisconnect: Disposable | undefined;
  #listening: Promise<void> | undefined;
  #listener: Listener | undefined;
  readonly #whenClosed: (() => void)[] = [];
  #isClosed = true;
  readonly #ports = new Set<Disposable>();
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
    this.#grants = grants;
    this.#events = events;
    const onError = (error: unknown): void => this.#report(error);
    const { heartbeat, key, keys } = options;
    this.keys = new ServerKeys({ key, keys, grants, onError, onRevoke: ({ name }) => this.#dismiss(name) });
    this.#reception = new Reception({
      limits,
      heartbeat,
      onError,
      onSession: (session, name, keyName) => this.#join(session, name, keyName),
    });
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

  /**
   * As `url`, with the main key behind the `#`: all that a client on another machine needs. Whoever reads it may do all that
   * the main key allows.
   *
   * Throws `CNR_ERR_CLOSED` before `listen()` and after `close()`.
   */
  inviteUrl(): string {
    const { url } = this;
    if (!url) throw failure("CNR_ERR_CLOSED", { by: "this side" });
    const main = this.keys[ring]?.named(MAIN_KEY);
    return main ? `${url}#${main.key.reveal()}` : url;
  }

  /** Whether it takes nobody: before the first `listen()` or `accept()`, and after `close()`. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Starts to listen; also again after `close()`, with the variables and queues it had.
   *
   * Rejects with `CNR_ERR_ADDRESS_IN_USE`, `CNR_ERR_ADDRESS_UNAVAILABLE`, `CNR_ERR_HOST_UNKNOWN`, `CNR_ERR_LOOPBACK_ONLY`, and
   * where its key cannot be used with `AuthenticationError` `CNR_ERR_KEY_FILE`, `CNR_ERR_KEY_WEAK`, `CNR_ERR_KEY_MALFORMED`.
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

  /**
   * Takes clients that run in another thread of this program: `client.connect(parentPort)` there. They need no key, and no
   * `listen()` here. When the thread ends, so do their sessions. Dispose of the result to take no more, also none that
   * come back. The program's own listeners on the port see one message for each link, with a port in it, and leave it alone.
   *
   * @param port - the worker, or a MessagePort whose other end the client has
   * @example
   * const worker = new Worker("./worker.js");
   * server.accept(worker);
   */
  accept(port: PortOrWorker): Disposable {
    this.#isClosed = false;
    this.#globals.openQueues();
    const accepting = this.#reception.accept(port);
    this.#ports.add(accepting);
    return {
      [Symbol.dispose]: () => {
        this.#ports.delete(accepting);
        accepting[Symbol.dispose]();
      },
    };
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
    if (this.#isClosed && !this.#listening) return this.#closing ?? Promise.resolve();
    this.#closing = this.#close(this.#listening);
    this.#listening = undefined;
    this.#isClosed = true;
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(): Promise<void> {
    await this.#closing;
    const wasClosed = this.#isClosed;
    this.#isClosed = false;
    const { host, port = 0, insecure = false } = this.#options;
    try {
      this.#listener = await this.#reception.listen(host, port, this.keys[ring], insecure);
    } catch (error) {
      // Meanwhile it may have been told to accept threads.
      if (this.#ports.size === 0) this.#isClosed = wasClosed;
      throw error;
    }
    this.#globals.openQueues();
  }

  async #close(listening: Promise<void> | undefined): Promise<void> {
    // Without it all is shut before this returns, and a client of another thread may be taken again at once.
    if (listening) await listening.catch(() => {});
    const listener = this.#listener;
    this.#listener = undefined;
    this.#isClosed = true;
    for (const port of this.#ports) port[Symbol.dispose]();
    this.#ports.clear();
    const reason = failure("CNR_ERR_CLOSED", { by: "this side" });
    this.clients[closed](reason);
    this.#reception.dismiss();
    this.#globals.closeQueues(reason);
    // A copy: peers leave the list while it is gone through.
    await Promise.all([listener?.close(), ...[...this.clients].map((peer) => peer.close())]);
    for (const resolve of this.#whenClosed.splice(0)) resolve();
  }

  #join(session: Session, name: string, keyName: string | undefined): void {
    if (this.#isClosed) return void session.close();
    const held = keyName === undefined ? undefined : this.keys[ring]?.named(keyName);
    // Links of a revoked key are ended before this; one that was not must never pass for a link that needs no key.
    if (keyName !== undefined && !held) return session.dismiss(failure("CNR_ERR_KEY_REVOKED"));
    const peer = new Peer<App>({
      server: this,
      session,
      name,
      keyName,
      platform: nodePlatform,
      grants: held?.grants ?? this.#grants,
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

  #dismiss(keyName: string): void {
    this.#reception.dismiss(keyName);
    for (const peer of [...this.clients])
      if (peer.keyName === keyName) peer[dismiss](failure("CNR_ERR_KEY_REVOKED"));
  }

  #report(error: unknown, peer?: Peer<App>): void {
    this.#events.emit("error", error, peer);
  }
}

function peerAmong<App>(args: readonly unknown[]): Peer<App> | undefined {
  return args.find((each) => each instanceof Peer) as Peer<App> | undefined;
}
