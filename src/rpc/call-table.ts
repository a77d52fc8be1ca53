import type { FunctionCodec } from "../codec/function-codec.ts";
import { type ByteReader, malformed } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";
import { Future } from "../core/future.ts";
import type { WaitOptions } from "../core/waiting.ts";
import { functionsOverLink } from "../functions/by-reference.ts";
import { portableForm } from "../functions/by-value.ts";
import {
  type AnyFunction,
  type CapturedFunction,
  readCapturedFunction,
} from "../functions/captured-function.ts";
import { ReferenceTable } from "../functions/references.ts";
import { MessageType } from "../protocol/message-types.ts";
import { type Grants, requireGrant } from "../security/policy.ts";
import type { ChannelMux } from "../session/channel-mux.ts";
import type { Session } from "../session/session.ts";
import { CallSignals } from "./call-signals.ts";
import type { CodeHost, CodeScope } from "./code-host.ts";
import { type ExposedFunctions, unknownFunction } from "./exposed-functions.ts";
import { IncomingCalls, type Target } from "./incoming-calls.ts";
import { OutgoingCalls, TargetKind } from "./outgoing-calls.ts";
import { ResultStreams } from "./result-streams.ts";

/** Of a name that somebody made up, in an error. */
const MAX_NAME_CHARACTERS = 200;

export interface CallTableOptions {
  readonly session: Session;
  readonly mux: ChannelMux;
  readonly exposed: ExposedFunctions;
  readonly host: CodeHost;
  readonly grants: Grants;
  /** Who the other side is to the functions called here. */
  readonly peer: unknown;
  /** What the other side's code finds besides the globals. */
  readonly names: Readonly<Record<string, unknown>>;
}

/** Calls in both directions over one session. */
export class CallTable {
  /** For the pipes of the same session: live callbacks that they carry are called as those in arguments. */
  readonly functionsInPipes: FunctionCodec;
  readonly #options: CallTableOptions;
  readonly #outgoing: OutgoingCalls;
  #scope: CodeScope | undefined;

  constructor(options: CallTableOptions) {
    this.#options = options;
    const { session, mux, host, grants, peer } = options;
    const references = new ReferenceTable(
      session.limits.maxReferences,
      (id, args) => this.#outgoing.call(TargetKind.reference, id, args),
      (id, holds) => this.#sendRelease(id, holds),
    );
    const functions = functionsOverLink(references, host, grants.code, "reference");
    this.functionsInPipes = functionsOverLink(references, host, grants.code, "value");
    const signals = new CallSignals(session);
    const argumentsCodec = signals.besides(functions);
    const streams = new ResultStreams(session, mux, functions);
    this.#outgoing = new OutgoingCalls(session, argumentsCodec, functions);
    const incoming = new IncomingCalls({
      session,
      argumentsCodec,
      functions,
      references,
      signals,
      peer,
      find: (reader) => this.#find(reader, references),
      stream: (id, source, context, onOver) => streams.send(id, source, context, onOver),
    });
    session.onEnd(() => references.clear());
    session.handle({
      [MessageType.call]: (reader) => incoming.called(reader),
      [MessageType.result]: (reader) => this.#outgoing.succeeded(reader),
      [MessageType.failed]: (reader) => this.#outgoing.failedWith(reader),
      [MessageType.cancel]: (reader) => incoming.cancelled(reader),
      [MessageType.release]: (reader) => references.takeBack(reader.uint(), reader.uint()),
      [MessageType.signalAbort]: (reader) => signals.aborted(reader),
      [MessageType.signalRelease]: (reader) => signals.released(reader),
      [MessageType.stream]: (reader) => {
        const id = reader.uint();
        const channel = streams.claim(reader.uint());
        const pending = this.#outgoing.answered(id);
        streams.receive(pending.future, channel, this.#outgoing.placeOf(pending));
      },
    });
  }

  callName(name: string, args: readonly unknown[], options?: WaitOptions): Future<unknown> {
    return this.#outgoing.call(TargetKind.name, name, args, options);
  }

  callFunction(fn: AnyFunction, args: readonly unknown[], options?: WaitOptions): Future<unknown> {
    let captured: CapturedFunction;
    try {
      captured = portableForm(fn, this.#options.host, fn.name || "the function");
    } catch (error) {
      return Future.failed(error);
    }
    return this.#outgoing.call(TargetKind.function, captured, args, options);
  }

  run(kind: "eval" | "exec", code: string, options?: WaitOptions): Future<unknown> {
    return this.#outgoing.call(TargetKind[kind], code, [], options);
  }

  #sendRelease(id: number, holds: number): void {
    const { session } = this.#options;
    if (session.ended) return;
    const writer = session.begin(MessageType.release);
    writer.uint(id);
    writer.uint(holds);
    session.commit();
  }

  /** Reads the target to its end before it refuses anything: the arguments stand behind it. */
  #find(reader: ByteReader, references: ReferenceTable): Target {
    switch (reader.byte()) {
      case TargetKind.name:
        return this.#findName(reader.key());
      case TargetKind.reference: {
        const fn = references.find(reader.uint());
        if (!fn) throw failure("CNR_ERR_RELEASED");
        return { fn, self: undefined };
      }
      case TargetKind.eval: {
        const code = reader.string();
        return { fn: () => this.#codeScope("eval").evaluate(code), self: undefined };
      }
      case TargetKind.exec: {
        const code = reader.string();
        return { fn: () => this.#codeScope("exec").execute(code), self: undefined };
      }
      case TargetKind.function: {
        const captured = readCapturedFunction(reader);
        requireGrant(this.#options.grants, "code", "calling a function that is sent along");
        return { fn: (...args) => this.#callCaptured(captured, args), self: undefined };
      }
      default:
        throw malformed("an unknown kind of call");
    }
  }

  /** Compiled when it is called: what cannot be compiled here fails its call, not the link. */
  #callCaptured(captured: CapturedFunction, args: never[]): unknown {
    return this.#options.host.revive(captured)(...args);
  }

  #findName(name: string): Target {
    const { exposed, grants } = this.#options;
    const found = exposed.find(name);
    if (found) {
      requireGrant(grants, "call", `calling "${name}"`);
      return found;
    }
    if (!grants.code && !isGlobal(name)) throw unknownFunction(name, exposed.names());
    const scope = this.#codeScope(`calling the global "${name.slice(0, MAX_NAME_CHARACTERS)}"`);
    const fn = scope.resolve(name);
    if (!fn) throw unknownFunction(name, [...exposed.names(), ...scope.functionNames()]);
    return { fn, self: undefined };
  }

  /** @param what - what needs it, for the error */
  #codeScope(what: string): CodeScope {
    requireGrant(this.#options.grants, "code", what);
    this.#scope ??= this.#options.host.createScope(this.#options.names);
    return this.#scope;
  }
}

/** Whether a name means a global here: then it is a grant that is missing, not the function. */
function isGlobal(name: string): boolean {
  return Object.hasOwn(globalThis, name.split(".")[0] ?? "");
}
