import type { Future } from "../../../src/core/future.ts";
import type { Limits } from "../../../src/core/limits.ts";
import type { WaitOptions } from "../../../src/core/waiting.ts";
import { nodePlatform } from "../../../src/endpoint/node/node-platform.ts";
import { PipeTable } from "../../../src/pipes/pipe-table.ts";
import { CallTable } from "../../../src/rpc/call-table.ts";
import { ExposedFunctions, type FunctionGroup } from "../../../src/rpc/exposed-functions.ts";
import { ALL_GRANTS, type Grants } from "../../../src/security/policy.ts";
import { ChannelMux } from "../../../src/session/channel-mux.ts";
import { greetClient } from "../../../src/session/greet-client.ts";
import { greetServer } from "../../../src/session/greet-server.ts";
import type { Session } from "../../../src/session/session.ts";
import { memoryLinkPair } from "../../../src/transport/memory-link.ts";
import { clientGreeting, serverGreeting } from "../session/greetings.ts";

export interface SideOptions {
  readonly limits?: Partial<Limits>;
  readonly clientLimits?: Partial<Limits>;
  readonly grants?: Partial<Grants>;
}

/** One end of a link, with its calls and pipes. */
export class Side {
  readonly session: Session;
  readonly mux: ChannelMux;
  readonly exposed: ExposedFunctions;
  readonly calls: CallTable;
  readonly pipes: PipeTable;

  constructor(session: Session, name: string, grants: Grants) {
    this.session = session;
    this.mux = new ChannelMux(session);
    this.exposed = new ExposedFunctions();
    this.pipes = new PipeTable(grants.data);
    this.calls = new CallTable({
      session,
      mux: this.mux,
      exposed: this.exposed,
      host: nodePlatform,
      grants,
      peer: name,
      names: { peer: name },
    });
    this.pipes.attach(session, this.mux, this.calls.functionsInPipes);
  }

  expose(functions: FunctionGroup): void {
    this.exposed.expose(functions);
  }

  call<T = unknown>(name: string, args: readonly unknown[] = [], options?: WaitOptions): Future<T> {
    return this.calls.callName(name, args, options) as Future<T>;
  }
}

/** A server's and a client's side of one link in this process, greeted as over a network. */
export class TwoSides {
  readonly server: Side;
  readonly client: Side;

  private constructor(server: Side, client: Side) {
    this.server = server;
    this.client = client;
  }

  static async open(options: SideOptions = {}): Promise<TwoSides> {
    const [serverLink, clientLink] = memoryLinkPair();
    const grants = { ...ALL_GRANTS, ...options.grants };
    let server: Side | undefined;
    let client: Side | undefined;
    const atServer = serverGreeting(options.limits ?? {}, (session) => {
      server = new Side(session, "the client", grants);
    });
    const atClient = clientGreeting(options.clientLimits ?? options.limits ?? {}, (session) => {
      client = new Side(session, "the server", grants);
    });
    await Promise.all([greetClient(serverLink, atServer, {}), greetServer(clientLink, atClient, {})]);
    if (!server || !client) throw new Error("no session");
    return new TwoSides(server, client);
  }

  async close(): Promise<void> {
    await Promise.all([this.client.session.close(), this.server.session.close()]);
  }
}

/** Opens pairs, and closes them all after a test: `afterEach(sides.closeAll)`. */
export function sidesOfTests(): {
  open(options?: SideOptions): Promise<TwoSides>;
  closeAll(): Promise<void>;
} {
  const opened: TwoSides[] = [];
  return {
    async open(options) {
      const sides = await TwoSides.open(options);
      opened.push(sides);
      return sides;
    },
    async closeAll() {
      for (const sides of opened.splice(0)) await sides.close();
    },
  };
}

/** What a promise is rejected with; throws when it is fulfilled. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`it was fulfilled, with ${String(value)}`);
}

/** Some turns of the event loop. */
export async function turns(count = 10): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

/** Holds who waits on it until it is opened. */
export class Gate {
  readonly passed: Promise<void>;
  open: () => void = () => {};

  constructor() {
    this.passed = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}
