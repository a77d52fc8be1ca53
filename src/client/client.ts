import { contained } from "../core/deferred.ts";
import { Emitter } from "../core/emitter.ts";
import { ConnectorError, failure } from "../core/errors.ts";
import { type Limits, withLimits } from "../core/limits.ts";
import { type WaitOptions, waitFor } from "../core/waiting.ts";
import { Endpoint, type State } from "../endpoint/endpoint.ts";
import { JoinedSpaces } from "../endpoint/joined-spaces.ts";
import { type EndpointOptions, grantsOf } from "../endpoint/options.ts";
import type { Platform } from "../endpoint/platform.ts";
import type { GlobalQueuesOf, GlobalVarsOf, LooseRecord, QueuesOf, VarsOf } from "../endpoint/schema.ts";
import type { Space } from "../endpoint/space.ts";
import { reconnect } from "../session/reconnect.ts";
import type { Session } from "../session/session.ts";
import type { SessionStats } from "../session/stats.ts";
import type { Address } from "../transport/transport.ts";
import { type Destination, isSame, type Where } from "./destination.ts";
import { ServerDialer } from "./server-dialer.ts";

export interface ClientOptions extends EndpointOptions {
  /** What the server knows this client by: `server.clients.named(name)`. */
  readonly name?: string;
}

export interface ConnectOptions extends WaitOptions {
  /** Until the server has answered and its variables are here. Default 10000. */
  readonly timeoutMs?: number | undefined;
}

interface ClientEvents {
  connect: [];
  disconnect: [reason: ConnectorError];
  reconnecting: [reason: ConnectorError];
  resumed: [];
  error: [error: unknown];
}

const CONNECT_TIMEOUT_MS = 10_000;

/** What a client needs of the place where it runs. */
export interface ClientEnvironment<Port extends object> {
  /** How to get there; throws where that cannot be told. */
  readonly destination: (where: Where<Port>, port: number | undefined) => Destination;
  readonly platform: Platform;
  /** From 0 to 1: spreads the attempts to reconnect. Default `Math.random`. */
  readonly random?: () => number;
}

/** A program that uses what a server shares. See `Endpoint` for all that it can do. */
export class ConnectorClient<App = LooseRecord, Port extends object = never> extends Endpoint<App, "client"> {
  /** What the server and all its clients share. */
  readonly globals: Space<GlobalVarsOf<App>, GlobalQueuesOf<App>>;
  /** What this client calls itself; empty where the option was left out. */
  readonly name: string;
  protected readonly local: Space<VarsOf<App>, QueuesOf<App>>;
  readonly #environment: ClientEnvironment<Port>;
  readonly #limits: Readonly<Limits>;
  readonly #spaces: JoinedSpaces<App>;
  readonly #events: Emitter<ClientEvents> = new Emitter((error) => this.#events.emit("error", error));
  #connecting:
    | { readonly target: Destination; readonly done: Promise<void>; readonly abort: AbortController }
    | undefined;
  #reconnecting: { readonly done: Promise<void>; readonly abort: AbortController } | undefined;
  readonly #dialer: ServerDialer;
  #session: Session | undefined;
  /** The global variables of the newest session are here. */
  #ready: Promise<void> = Promise.resolve();

  constructor(options: ClientOptions, environment: ClientEnvironment<Port>) {
    const limits = withLimits(options.limits);
    const grants = grantsOf(options);
    const { platform } = environment;
    super({ platform, grants });
    const spaces = new JoinedSpaces<App>(platform, limits, grants, (error) =>
      this.#events.emit("error", error),
    );
    this.#environment = environment;
    this.#limits = limits;
    this.#dialer = new ServerDialer({
      name: options.name ?? "",
      limits,
      heartbeat: options.heartbeat,
      onBegun: (session) => this.#join(session),
    });
    this.#spaces = spaces;
    this.name = options.name ?? "";
    this.globals = spaces.global;
    this.local = spaces.local;
  }

  /** `"closed"` also before the first `connect()`. */
  get state(): State {
    if (this.#connecting) return "connecting";
    if (this.#reconnecting || this.#session?.isAbsent) return "reconnecting";
    return this.#session && !this.#session.ended ? "open" : "closed";
  }

  /** This side's address of the link, or null. */
  get address(): Address | null {
    return this.state === "open" ? (this.#session as Session).link.localAddress : null;
  }

  /** The server's address of the link, or null. */
  get serverAddress(): Address | null {
    return this.state === "open" ? (this.#session as Session).link.remoteAddress : null;
  }

  /** What the server knows this client by, also after the link has ended; empty before the first. */
  get id(): string {
    return this.#session?.id ?? "";
  }

  /**
   * Connects to a server. Resolves when the global variables are here. Connected there already: does nothing;
   * connected elsewhere: closes that link first.
   *
   * @param where - a host and then the port, `server.url`, `server.inviteUrl()`, `"host:port"`, `server.address`, or in a worker
   *   thread its `parentPort`
   * @param options - `timeoutMs` (default 10000) and `signal` give it up
   *
   * Rejects with `CNR_ERR_REFUSED`, `CNR_ERR_HOST_UNKNOWN`, `CNR_ERR_UNREACHABLE`, `CNR_ERR_NOT_CONNECTOR`, `CNR_ERR_VERSION`,
   * `CNR_ERR_CONNECT_TIMEOUT`, `signal.reason`; with `AuthenticationError` `CNR_ERR_WRONG_KEY`, `CNR_ERR_UNKNOWN_KEY`,
   * `CNR_ERR_KEYLESS`, `CNR_ERR_NO_KEY_PROOF`, and where the client finds no key `CNR_ERR_KEY_MISSING`, `CNR_ERR_KEY_FILE`.
   *
   * @example
   * const client = new Client();
   * await client.connect("127.0.0.1", 1900);
   */
  connect(host: string, port: number, options?: ConnectOptions): Promise<void>;
  connect(where: Where<Port>, options?: ConnectOptions): Promise<void>;
  connect(where: Where<Port>, port?: number | ConnectOptions, last?: ConnectOptions): Promise<void> {
    return contained(this.#connect(where, port, last));
  }

  /** Bytes and frames each way, the time to the server and back, what waits; undefined before the first link. */
  stats(): SessionStats | undefined {
    return this.#session?.stats;
  }

  /**
   * Hears of `"connect"`, of `"disconnect"` (with the reason, once for each `"connect"`), of `"reconnecting"` (with the
   * reason why the link was lost) and `"resumed"` (nothing was lost), and of `"error"` (what failed with nobody waiting for it).
   * A server that was restarted knows nothing of before: then `"disconnect"` and, when its variables are here, `"connect"`.
   */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (...args: ClientEvents[Name]) => unknown,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /** Sends what was sent, ends every wait with `CNR_ERR_CLOSED`, and resolves when the link is closed. Repeatable. */
  async close(): Promise<void> {
    const connecting = this.#connecting;
    if (connecting) {
      connecting.abort.abort(failure("CNR_ERR_CLOSED", { by: "this side" }));
      await connecting.done.catch(() => {});
    }
    await this.#drop();
  }

  /** Resolves when the session has ended: by `close()`, by the other side, or by Ctrl-C or SIGTERM, after closing in order. */
  async holdOn(): Promise<void> {
    using _termination = this.#environment.platform.onTermination(() => void this.close());
    // A session that was lost with its server may be followed by a new one.
    while (this.state !== "closed") {
      const session = this.#session;
      if (session && !session.ended) await new Promise<void>((resolve) => session.onEnd(() => resolve()));
      await (this.#reconnecting ?? this.#connecting)?.done.catch(() => {});
    }
    await this.#session?.close();
  }

  async #connect(where: Where<Port>, port?: number | ConnectOptions, last?: ConnectOptions): Promise<void> {
    const target = this.#environment.destination(where, typeof port === "number" ? port : undefined);
    const options = (typeof port === "number" ? last : port) ?? {};
    if (this.#connecting && isSame(this.#connecting.target, target)) return this.#connecting.done;
    if (this.state === "open" && isSame(this.#dialer.target, target)) return;
    if (this.#reconnecting && isSame(this.#dialer.target, target)) {
      return this.#untilReconnected(this.#reconnecting.done, target, options);
    }
    const abort = new AbortController();
    // Before the first wait: a second call must find the first, and `close()` must be able to end it.
    const done = this.#open(target, options, abort, this.close()).finally(() => {
      if (this.#connecting?.abort === abort) this.#connecting = undefined;
    });
    this.#connecting = { target, done, abort };
    return done;
  }

  async #untilReconnected(done: Promise<void>, target: Destination, options: ConnectOptions): Promise<void> {
    const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
    const ready = done.then(() => this.#ready);
    await waitFor(ready, "the server", { timeoutMs, signal }).catch((error: unknown) => {
      const isTime = ConnectorError.is(error) && error.code === "CNR_ERR_TIMEOUT";
      throw isTime ? failure("CNR_ERR_CONNECT_TIMEOUT", { address: target.text, timeoutMs }, error) : error;
    });
  }

  async #open(
    target: Destination,
    options: ConnectOptions,
    abort: AbortController,
    closed: Promise<void>,
  ): Promise<void> {
    const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
    const timer = setTimeout(
      () => abort.abort(failure("CNR_ERR_CONNECT_TIMEOUT", { address: target.text, timeoutMs })),
      Math.min(timeoutMs, 2 ** 31 - 1),
    );
    const onAbort = (): void => abort.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await closed;
      await this.#dialer.greet(target, undefined, { signal: abort.signal });
      await this.#untilReady(abort.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    try {
      await waitFor(this.#ready, "the server's variables", { signal });
    } catch (error) {
      await this.#drop();
      throw error;
    }
  }

  async #drop(): Promise<void> {
    const reconnecting = this.#reconnecting;
    const closed = this.#session?.close();
    if (reconnecting) {
      reconnecting.abort.abort(failure("CNR_ERR_CLOSED", { by: "this side" }));
      await reconnecting.done.catch(() => {});
    }
    await closed;
  }

  #join(session: Session): void {
    this.#session = session;
    this.attach(session, { client: this });
    const ready = this.#spaces.attach(session);
    this.#ready = ready;
    ready.then(
      () => this.#events.emit("connect"),
      () => {},
    );
    session.onEnd((reason) => this.#events.emit("disconnect", reason));
    session.onAbsent((reason) => this.#reconnect(session, reason));
    session.onResumed(() => this.#events.emit("resumed"));
  }

  #reconnect(session: Session, cause: ConnectorError): void {
    const abort = new AbortController();
    const done = contained(
      reconnect({
        attempt: (signal) =>
          this.#dialer.greetAgain(this.#session?.ended ? undefined : this.#session, signal),
        windowMs: this.#limits.resumeWindowMs,
        signal: abort.signal,
        cause,
        random: this.#environment.random ?? Math.random,
      }).finally(() => {
        if (this.#reconnecting?.abort === abort) this.#reconnecting = undefined;
      }),
    );
    this.#reconnecting = { done, abort };
    // Whatever it is that no attempt can help against, nobody waits for the session any more.
    done.catch((error: unknown) => session.abort(lostFor(error)));
    this.#events.emit("reconnecting", cause);
  }
}

function lostFor(error: unknown): ConnectorError {
  if (ConnectorError.is(error) && error.code === "CNR_ERR_SESSION_LOST") return error;
  const reason = error instanceof Error ? error.message : String(error);
  return failure("CNR_ERR_SESSION_LOST", { reason, restarted: false }, error);
}
