import { afterEach } from "vitest";
import type { FunctionCodec } from "../../../src/codec/function-codec.ts";
import { type Limits, withLimits } from "../../../src/core/limits.ts";
import { FrameDecoder } from "../../../src/protocol/frame-decoder.ts";
import { DirectQueues } from "../../../src/queues/direct-queues.ts";
import type { Queue } from "../../../src/queues/queue.ts";
import { QueueHost } from "../../../src/queues/queue-host.ts";
import { serveQueues } from "../../../src/queues/queue-host-link.ts";
import { QueueTable } from "../../../src/queues/queue-table.ts";
import { RemoteQueues } from "../../../src/queues/remote-queues.ts";
import { Session } from "../../../src/session/session.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import type { Store } from "../../../src/stores/store.ts";
import { memoryLinkPair } from "../../../src/transport/memory-link.ts";
import type { Link } from "../../../src/transport/transport.ts";

export interface WorldOptions {
  readonly limits?: Partial<Limits>;
  readonly store?: Store;
  readonly functions?: FunctionCodec;
  /** The two ends of a new link; the first is the server's. */
  readonly links?: () => [Link, Link];
}

function sessionOver(link: Link, id: string, isServer: boolean, limits: Readonly<Limits>): Session {
  const { maxValueBytes, maxDepth, channelWindowBytes } = limits;
  const session = new Session({
    link,
    limits,
    decoder: new FrameDecoder(),
    maxValueBytes,
    maxDepth,
    peerWindowBytes: channelWindowBytes,
    waitsForReader: isServer,
    id,
  });
  link.start(session.attached);
  return session;
}

const open: QueueWorld[] = [];

/** To be called once in a test file: makes worlds that are closed after each test. */
export function worlds(): (options?: WorldOptions) => QueueWorld {
  afterEach(async () => {
    for (const world of open.splice(0)) await world.close();
  });
  return (options) => {
    const world = new QueueWorld(options);
    open.push(world);
    return world;
  };
}

/** A server with global queues and any number of clients, in this process, over real sessions. */
export class QueueWorld {
  readonly limits: Readonly<Limits>;
  readonly store: Store;
  readonly host: QueueHost;
  /** The server's own view of the global queues. */
  readonly server: QueueTable;
  readonly clients: QueueClient[] = [];
  readonly options: WorldOptions;
  readonly #bare: Session[] = [];

  constructor(options: WorldOptions = {}) {
    this.options = options;
    this.limits = withLimits(options.limits);
    this.store = options.store ?? new MemoryStore();
    this.host = new QueueHost(this.store, this.limits);
    this.server = new QueueTable(options.functions);
    this.server.attach(new DirectQueues(this.host, "server"));
  }

  connect(): QueueClient {
    const client = new QueueClient(this, `client-${this.clients.length}`);
    this.clients.push(client);
    return client;
  }

  /** A client of which the test writes every message itself. */
  connectBare(): { readonly session: Session; readonly served: Session } {
    const name = `bare-${this.#bare.length}`;
    const [near, far] = (this.options.links ?? memoryLinkPair)();
    const served = sessionOver(near, name, true, this.limits);
    const local = new QueueHost(new MemoryStore(), this.limits);
    serveQueues(served, { local: () => local, global: this.host });
    this.#bare.push(served);
    return { session: sessionOver(far, name, false, this.limits), served };
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.clients.map((client) => client.served), ...this.#bare].map((served) => served.close()),
    );
    this.server.detach(undefined);
    await this.store.close();
  }
}

export class QueueClient {
  readonly name: string;
  readonly session: Session;
  /** The server's end of the session. */
  readonly served: Session;
  readonly locals: QueueTable;
  readonly globals: QueueTable;
  /** The server's view of this client's local queues. */
  readonly peer: QueueTable;
  readonly link: Link;

  constructor(world: QueueWorld, name: string) {
    const { limits, options } = world;
    const [near, far] = (options.links ?? memoryLinkPair)();
    this.name = name;
    this.link = far;
    this.served = sessionOver(near, name, true, limits);
    this.session = sessionOver(far, name, false, limits);
    const store = new MemoryStore();
    const host = new QueueHost(store, limits);
    serveQueues(this.served, { local: () => host, global: world.host });
    this.peer = new QueueTable(options.functions);
    this.peer.attach(new DirectQueues(host, "peer"));
    this.served.onEnd((reason) => {
      this.peer.detach(reason);
      void store.close();
    });
    this.locals = new QueueTable(options.functions);
    this.globals = new QueueTable(options.functions);
    this.attach(this.session);
  }

  attach(session: Session): void {
    const remote = new RemoteQueues(session);
    this.locals.attach(remote.local);
    this.globals.attach(remote.global);
    session.onEnd((reason) => {
      this.locals.detach(reason);
      this.globals.detach(reason);
    });
  }

  queue<T = unknown>(name = "tasks"): Queue<T> {
    return this.globals.get(name) as Queue<T>;
  }

  /** As the end of its process would: nothing more is sent. */
  kill(): void {
    this.link.abort(new Error("killed"));
  }
}

/** Some turns of the event loop: enough for any message to arrive and be answered. */
export async function turns(count = 10): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

/** How a promise has ended so far. */
export function outcomeOf<T>(promise: Promise<T>): { value?: T; error?: unknown; settled: boolean } {
  const outcome: { value?: T; error?: unknown; settled: boolean } = { settled: false };
  promise.then(
    (value) => Object.assign(outcome, { value, settled: true }),
    (error: unknown) => Object.assign(outcome, { error, settled: true }),
  );
  return outcome;
}
