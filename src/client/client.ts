import { contained } from "../core/deferred.ts";
import { Emitter } from "../core/emitter.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import { randomBytes } from "../core/ids.ts";
import { type Limits, withLimits } from "../core/limits.ts";
import { type WaitOptions, waitFor } from "../core/waiting.ts";
import { Endpoint, type State } from "../endpoint/endpoint.ts";
import { JoinedSpaces } from "../endpoint/joined-spaces.ts";
import { type EndpointOptions, grantsOf } from "../endpoint/options.ts";
import type { Platform } from "../endpoint/platform.ts";
import type { GlobalQueuesOf, GlobalVarsOf, LooseRecord, QueuesOf, VarsOf } from "../endpoint/schema.ts";
import type { Space } from "../endpoint/space.ts";
import { greetServer } from "../session/handshake.ts";
import type { Session } from "../session/session.ts";
import { addressOf, isLoopback, type Target, targetOf } from "../transport/address.ts";
import type { Address, Dialer } from "../transport/transport.ts";

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
  error: [error: unknown];
}

const CONNECT_TIMEOUT_MS = 10_000;

/** What a client needs of the place where it runs. */
export interface ClientEnvironment {
  readonly dialer: Dialer;
  readonly platform: Platform;
}

/** A program that uses what a server shares. See `Endpoint` for all that it can do. */
export class ConnectorClient<App = LooseRecord> extends Endpoint<App, "client"> {
  /** What the server and all its clients share. */
  readonly globals: Space<GlobalVarsOf<App>, GlobalQueuesOf<App>>;
  /** What this client calls itself; empty where the option was left out. */
  readonly name: string;
  protected readonly local: Space<VarsOf<App>, QueuesOf<App>>;
  readonly #environment: ClientEnvironment;
  readonly #limits: Readonly<Limits>;
  readonly #options: ClientOptions;
  readonly #spaces: JoinedSpaces<App>;
  readonly #events: Emitter<ClientEvents> = new Emitter((error) => this.#events.emit("error", error));
  #connecting:
    | { readonly target: Target; readonly done: Promise<void>; readonly abort: AbortController }
    | undefined;
  #session: Session | undefined;
  #target: Target | undefined;
  /** The global variables of the newest session are here. */
  #ready: Promise<void> = Promise.resolve();

  constructor(options: ClientOptions, environment: ClientEnvironment) {
    const limits = withLimits(options.limits);
    const grants = grantsOf(options);
    const { platform } = environment;
    super({ platform, grants });
    const spaces = new JoinedSpaces<App>(platform, limits, grants, (error) =>
      this.#events.emit("error", error),
    );
    this.#options = options;
    this.#environment = environment;
    this.#limits = limits;
    this.#spaces = spaces;
    this.name = options.name ?? "";
    this.globals = spaces.global;
    this.local = spaces.local;
  }

  /** `"closed"` also before the first `connect()`. */
  get state(): State {
    if (this.#connecting) return "connecting";
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
   * @param where - a host and then the port, `server.url`, `"host:port"` or `server.address`
   * @param options - `timeoutMs` (default 10000) and `signal` give it up
   *
   * Rejects with `CNR_ERR_REFUSED`, `CNR_ERR_HOST_UNKNOWN`, `CNR_ERR_UNREACHABLE`, `CNR_ERR_NOT_CONNECTOR`, `CNR_ERR_VERSION`,
   * `CNR_ERR_CONNECT_TIMEOUT`, `signal.reason`.
   *
   * @example
   * const client = new Client();
   * await client.connect("127.0.0.1", 1900);
   */
  connect(host: string, port: number, options?: ConnectOptions): Promise<void>;
  connect(where: string | Target, options?: ConnectOptions): Promise<void>;
  connect(where: string | Target, port?: number | ConnectOptions, last?: ConnectOptions): Promise<void> {
    return contained(this.#connect(where, port, last));
  }

  /** Hears of `"connect"`, `"disconnect"` (with the reason; once a link) and `"error"` (what failed with nobody waiting for it). */
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
    await this.#session?.close();
  }

  /** Resolves when the link has ended: by `close()`, by the other side, or by Ctrl-C or SIGTERM, after closing in order. */
  async holdOn(): Promise<void> {
    const session = this.#session;
    if (!session || session.ended) return;
    using _termination = this.#environment.platform.onTermination(() => void this.close());
    await new Promise<void>((resolve) => session.onEnd(() => resolve()));
    await session.link.close();
  }

  async #connect(
    where: string | Target,
    port?: number | ConnectOptions,
    last?: ConnectOptions,
  ): Promise<void> {
    const target = typeof port === "number" ? targetOf(where, port) : targetOf(where);
    const options = (typeof port === "number" ? last : port) ?? {};
    if (this.#connecting && isSame(this.#connecting.target, target)) return this.#connecting.done;
    if (this.state === "open" && isSame(this.#target, target)) return;
    const abort = new AbortController();
    // Before the first wait: a second call must find the first, and `close()` must be able to end it.
    const done = this.#open(target, options, abort, this.close()).finally(() => {
      if (this.#connecting?.abort === abort) this.#connecting = undefined;
    });
    this.#connecting = { target, done, abort };
    return done;
  }

  async #open(
    target: Target,
    options: ConnectOptions,
    abort: AbortController,
    closed: Promise<void>,
  ): Promise<void> {
    const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
    const address = addressOf(target.host, target.port).toString();
    const timer = setTimeout(
      () => abort.abort(failure("CNR_ERR_CONNECT_TIMEOUT", { address, timeoutMs })),
      Math.min(timeoutMs, 2 ** 31 - 1),
    );
    const onAbort = (): void => abort.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await closed;
      const session = await this.#greet(target, { signal: abort.signal });
      await this.#untilReady(session, abort.signal);
      this.#target = target;
      this.#events.emit("connect");
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #untilReady(session: Session, signal: AbortSignal): Promise<void> {
    try {
      await waitFor(this.#ready, "the server's variables", { signal });
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #greet(target: Target, wait: WaitOptions): Promise<Session> {
    const { host, port } = target;
    // An address that is plainly not here is refused before a byte leaves; a name is judged by what it leads to.
    if (/^[\d.]+$|:/.test(host) && !isLoopback(host)) throw failure("CNR_ERR_LOOPBACK_ONLY", { host });
    const link = await this.#environment.dialer.dial(host, port, wait);
    if (!isLoopback(link.remoteAddress.host)) {
      link.abort();
      throw failure("CNR_ERR_LOOPBACK_ONLY", { host });
    }
    const hello = { sessionId: randomBytes(16), name: this.name };
    const options = { limits: this.#limits, heartbeat: this.#options.heartbeat };
    await greetServer(link, hello, options, wait, (session) => this.#join(session));
    return this.#session as Session;
  }

  #join(session: Session): void {
    this.#session = session;
    this.attach(session, { client: this });
    this.#ready = this.#spaces.attach(session);
    session.onEnd((reason) => this.#events.emit("disconnect", reason));
  }
}

function isSame(a: Target | undefined, b: Target): boolean {
  return a?.host === b.host && a.port === b.port;
}
