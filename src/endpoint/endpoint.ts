import { failure } from "../core/errors.ts";
import { Future } from "../core/future.ts";
import type { HasAnyMember } from "../core/loose.ts";
import type { WaitOptions } from "../core/waiting.ts";
import type { SharedDict } from "../dict/shared-dict.ts";
import type { VarsView } from "../dict/vars-view.ts";
import type { AnyFunction } from "../functions/captured-function.ts";
import { type Pipe, sendBytes } from "../pipes/pipe.ts";
import { PipeTable } from "../pipes/pipe-table.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { PutOptions } from "../queues/queue.ts";
import { CallTable } from "../rpc/call-table.ts";
import { type Exposable, ExposedFunctions, type FunctionGroup } from "../rpc/exposed-functions.ts";
import { type RemoteFunctions, remoteView } from "../rpc/remote.ts";
import type { Grants } from "../security/policy.ts";
import { ChannelMux } from "../session/channel-mux.ts";
import type { Session } from "../session/session.ts";
import type { Address } from "../transport/transport.ts";
import { namedView } from "./named-view.ts";
import type { Platform } from "./platform.ts";
import type {
  Incoming,
  Loose,
  Outgoing,
  OwnFunctionsOf,
  PipeOf,
  PipesOf,
  QueuesOf,
  RemoteFunctionsOf,
  Side,
  VarsOf,
} from "./schema.ts";
import type { QueuesView, Space } from "./space.ts";

export type State = "connecting" | "open" | "reconnecting" | "closed";

/** Pipes by name. */
export type PipesView<App, S extends Side> =
  HasAnyMember<PipesOf<App>> extends true
    ? Loose
    : {
        readonly [Name in keyof PipesOf<App>]: Pipe<
          Incoming<PipesOf<App>[Name], S>,
          Outgoing<PipesOf<App>[Name], S>
        >;
      } & Iterable<[name: string, pipe: Pipe<Loose, Loose>]>;

/** What an endpoint is made of, besides the spaces. */
export interface EndpointParts {
  readonly platform: Platform;
  readonly grants: Grants;
  /** Functions that the other side may call besides those exposed here. */
  readonly exposed?: ExposedFunctions | undefined;
}

/**
 * Everything that two connected programs can do with each other, the same from both ends: `Client` has it toward its
 * server, `Peer` toward its client.
 */
export abstract class Endpoint<App, S extends Side> implements AsyncDisposable {
  readonly #parts: EndpointParts;
  #pipeTable: PipeTable | undefined;
  #session: Session | undefined;
  #names: Readonly<Record<string, unknown>> = {};
  readonly #exposed: ExposedFunctions;
  #pipes: PipesView<App, S> | undefined;
  #remote: RemoteFunctions<RemoteFunctionsOf<App, S>> | undefined;
  #calls: CallTable | undefined;

  protected constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.#exposed = new ExposedFunctions(parts.exposed);
  }

  /** What this client and its peer share: a dict and queues. */
  protected abstract readonly local: Space<VarsOf<App>, QueuesOf<App>>;
  /** This side's address for a client, the client's for a peer. */
  abstract readonly address: Address | null;
  abstract readonly id: string;
  abstract readonly name: string;
  abstract readonly state: State;
  /** Sends what was sent, ends every wait with an error, and resolves when the link is closed. Repeatable. */
  abstract close(): Promise<void>;

  /** Whether there is no link, and none is being made. */
  get isClosed(): boolean {
    return this.state === "closed";
  }

  // ---- variables ----

  /** The variables shared with the other side, with nothing in it but your keys. */
  get vars(): VarsView<VarsOf<App>> {
    return this.local.vars;
  }

  /** The same variables, with methods. */
  get dict(): SharedDict<VarsOf<App>> {
    return this.local.dict;
  }

  // ---- pipes ----

  /** Pipes to the other side by name, made on first use. */
  get pipes(): PipesView<App, S> {
    this.#pipes ??= namedView<PipesView<App, S>, Pipe>(this.#openPipes());
    return this.#pipes;
  }

  /** See `Pipe.send`; this is the pipe without a name. */
  send(value: Outgoing<PipeOf<App>, S>, options?: WaitOptions): Promise<void> {
    return this.#openPipes().main.send(value, options);
  }

  /** See `Pipe.recv`. */
  recv(options?: WaitOptions): Promise<Incoming<PipeOf<App>, S>> {
    return this.#openPipes().main.recv(options) as Promise<Incoming<PipeOf<App>, S>>;
  }

  /** See `Pipe.tryRecv`. */
  tryRecv(): Incoming<PipeOf<App>, S> | undefined {
    return this.#openPipes().main.tryRecv() as Incoming<PipeOf<App>, S> | undefined;
  }

  // ---- queues ----

  /** Queues shared with the other side by name, made on first use. */
  get queues(): QueuesView<QueuesOf<App>> {
    return this.local.queues;
  }

  /** See `Queue.put`; this is the shared queue without a name: a `get` on this side may receive the item too. */
  put(value: Loose, options?: PutOptions): Promise<void> {
    return this.local.put(value, options);
  }

  /** See `Queue.tryPut`. */
  tryPut(value: Loose, options?: PutOptions): Promise<boolean> {
    return this.local.tryPut(value, options);
  }

  /** See `Queue.get`. */
  get(options?: WaitOptions): Promise<Loose> {
    return this.local.get(options);
  }

  /** See `Queue.tryGet`. */
  tryGet(options?: WaitOptions): Promise<Loose> {
    return this.local.tryGet(options);
  }

  // ---- calls ----

  /**
   * Lets the other side call these functions by name. Groups are called by dotted names; `this` is the object they stand in.
   *
   * @example
   * server.expose({ add: (a: number, b: number) => a + b });
   * await client.remote.add(1, 2); // 3
   */
  expose(functions: Exposable<OwnFunctionsOf<App, S>>): void {
    this.#exposed.expose(functions as FunctionGroup);
  }

  /**
   * Calls a function of the other side: one that it exposed, or, where code is allowed, a global by its dotted name.
   *
   * @param args - functions among them are live callbacks, and an `AbortSignal` aborts on the other side too, until
   *   the call has ended; should the link end before, it aborts there with the `ConnectionError`
   * @returns what it gives; rejects with what it throws, `CNR_ERR_UNKNOWN_FUNCTION`, or the `ConnectionError` that
   *   ended the link, whose `executed` says whether the call may have run
   */
  callRemote(name: string, args: readonly unknown[] = [], options?: WaitOptions): Future<Loose> {
    return this.#call((calls) => calls.callName(name, args, options));
  }

  /** The other side's functions, as `callRemote` calls them: `await client.remote.add(1, 2)`. */
  get remote(): RemoteFunctions<RemoteFunctionsOf<App, S>> {
    this.#remote ??= remoteView<RemoteFunctionsOf<App, S>>((name, args) => this.callRemote(name, args));
    return this.#remote;
  }

  /**
   * Sends a function of this program to the other side and calls it there. It may use its arguments and globals.
   *
   * @param args - as `callRemote` takes them
   * @returns what it gives; rejects with what it throws, `CNR_ERR_CAPTURES`, naming each variable of the code around it
   *   that it uses, `CNR_ERR_NOT_ALLOWED`, or the `ConnectionError` that ended the link
   * @example
   * await client.call((x: number) => x ** 2, [12]); // 144
   */
  call<Args extends readonly Loose[], Result>(
    fn: (...args: Args) => Result,
    args?: Args | readonly [],
    options?: WaitOptions,
  ): Future<Awaited<Result>> {
    return this.#call((calls) => calls.callFunction(fn as AnyFunction, args ?? [], options)) as Future<
      Awaited<Result>
    >;
  }

  /**
   * Evaluates code on the other side, in one scope per link, in which names that `exec` made are known. `await` is allowed.
   *
   * @returns the value of the last expression; rejects with what the code throws, `CNR_ERR_NOT_ALLOWED`, or the
   *   `ConnectionError` that ended the link
   * @example
   * await client.eval("process.memoryUsage().rss");
   */
  eval(code: string, options?: WaitOptions): Future<Loose> {
    return this.#call((calls) => calls.run("eval", code, options));
  }

  /**
   * Runs statements on the other side. What they declare stays, for later code of this link; `import` and `await` work.
   *
   * @returns what a `return` among them gives; rejects as `eval` does
   * @example
   * await client.exec("let count = 0; function next() { return ++count; }");
   * await client.eval("next()"); // 1
   */
  exec(code: string, options?: WaitOptions): Future<Loose> {
    return this.#call((calls) => calls.run("exec", code, options));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Sends a value of the main pipe that is encoded already. */
  protected sendEncoded(bytes: Uint8Array): Promise<void> {
    return this.#openPipes().main[sendBytes](bytes);
  }

  /**
   * Runs pipes and calls over a new session. They are made when either side first uses them: most links carry few kinds
   * of messages, and a server has many links.
   *
   * @param names - what the other side's code finds here besides the globals
   */
  protected attach(session: Session, names: Readonly<Record<string, unknown>>): void {
    this.#session = session;
    this.#names = names;
    this.#calls = undefined;
    session.handleLater(PIPES_AND_CALLS, () => this.#open(session));
    // Pipes that a program holds already go on over the new link.
    if (this.#pipeTable) this.#open(session);
  }

  #open(session: Session): CallTable {
    const { platform, grants } = this.#parts;
    const mux = new ChannelMux(session);
    const calls = new CallTable({
      session,
      mux,
      exposed: this.#exposed,
      host: platform,
      grants,
      peer: this,
      names: this.#names,
    });
    this.#calls = calls;
    this.#pipeTable ??= new PipeTable(grants.data);
    this.#pipeTable.attach(session, mux, calls.functionsInPipes);
    return calls;
  }

  #openPipes(): PipeTable {
    if (this.#session && !this.#calls) this.#open(this.#session);
    this.#pipeTable ??= new PipeTable(this.#parts.grants.data);
    return this.#pipeTable;
  }

  #call(make: (calls: CallTable) => Future<unknown>): Future<Loose> {
    if (this.#session) return make(this.#calls ?? this.#open(this.#session)) as Future<Loose>;
    return Future.failed<Loose>(failure("CNR_ERR_NOT_CONNECTED", { executed: "no" }));
  }
}

const { channelOpen, channelValue, channelBytes, channelCredit, channelEnd, channelFail, channelStop } =
  MessageType;
const { call, result, failed, cancel, release, stream, signalAbort, signalRelease } = MessageType;
const PIPES_AND_CALLS: readonly number[] = [
  ...[channelOpen, channelValue, channelBytes, channelCredit, channelEnd, channelFail, channelStop],
  ...[call, result, failed, cancel, release, stream, signalAbort, signalRelease],
];
