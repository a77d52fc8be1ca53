import type { FunctionCodec } from "../codec/function-codec.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import { ConnectorError, failure } from "../core/errors.ts";
import type { AnyFunction } from "../functions/captured-function.ts";
import type { Held, ReferenceTable } from "../functions/references.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "../session/session.ts";
import { CallContext, callInContext } from "./call-context.ts";
import type { CallSignals } from "./call-signals.ts";
import { sendThrown } from "./thrown-error.ts";

/** Finds what a call is for; throws where there is nothing, or where it is not allowed. */
export type TargetFinder = (reader: ByteReader) => Target;

export interface Target {
  readonly fn: AnyFunction;
  readonly self: unknown;
}

/** Sends the values of an async generator, and tells when it is over. */
export type StreamSender = (
  callId: number,
  source: AsyncGenerator<unknown>,
  context: CallContext,
  onOver: () => void,
) => void;

/** What the arguments of a call have brought, and what ends with it. */
interface Brought {
  readonly references: readonly Held[];
  readonly signals: readonly number[];
}

const NOTHING: Brought = { references: [], signals: [] };

/** Calls that the other side makes here. */
export class IncomingCalls {
  readonly #session: Session;
  readonly #argumentsCodec: FunctionCodec;
  readonly #functions: FunctionCodec;
  readonly #references: ReferenceTable;
  readonly #signals: CallSignals;
  readonly #find: TargetFinder;
  readonly #stream: StreamSender;
  readonly #peer: unknown;
  readonly #running = new Map<number, CallContext>();

  constructor(options: {
    readonly session: Session;
    /** How functions and signals travel in arguments. */
    readonly argumentsCodec: FunctionCodec;
    /** How functions travel in results. */
    readonly functions: FunctionCodec;
    readonly references: ReferenceTable;
    readonly signals: CallSignals;
    readonly find: TargetFinder;
    readonly stream: StreamSender;
    readonly peer: unknown;
  }) {
    this.#session = options.session;
    this.#argumentsCodec = options.argumentsCodec;
    this.#functions = options.functions;
    this.#references = options.references;
    this.#signals = options.signals;
    this.#find = options.find;
    this.#stream = options.stream;
    this.#peer = options.peer;
    this.#session.onEnd((reason) => {
      for (const context of this.#running.values()) context.abort(reason);
      this.#running.clear();
    });
  }

  called(reader: ByteReader): void {
    const id = reader.uint();
    let target: Target | undefined;
    let refusal: unknown;
    try {
      target = this.#find(reader);
    } catch (error) {
      if (ConnectorError.is(error) && error.code === "CNR_ERR_UNDECODABLE") throw error;
      refusal = error;
    }
    const { value, references } = this.#references.collect(() =>
      this.#session.decoder.decode(reader, this.#argumentsCodec),
    );
    const signals = this.#signals.takeBorrowed();
    const brought = references.length > 0 || signals.length > 0 ? { references, signals } : NOTHING;
    if (!Array.isArray(value)) throw failure("CNR_ERR_PROTOCOL", { reason: "a call without arguments" });
    if (this.#running.has(id)) throw failure("CNR_ERR_PROTOCOL", { reason: `call ${id} runs already` });
    if (target) this.#run(id, target, value, brought);
    else this.#fail(id, refusal, brought);
  }

  cancelled(reader: ByteReader): void {
    // A cancel may cross the answer on the way.
    this.#running.get(reader.uint())?.abort(failure("CNR_ERR_CANCELLED", { what: "the call" }));
  }

  #run(id: number, { fn, self }: Target, args: unknown[], brought: Brought): void {
    if (this.#running.size >= this.#session.limits.maxPendingCalls) {
      const max = this.#session.limits.maxPendingCalls;
      const refusal = failure("CNR_ERR_TOO_MANY", { what: "calls at once", max, option: "maxPendingCalls" });
      return this.#fail(id, refusal, brought);
    }
    const context = new CallContext(this.#peer);
    let result: unknown;
    let promise: Promise<unknown> | undefined;
    try {
      result = callInContext(context, fn, self, args);
      // A native promise stays itself; of the user's own kinds of promise, only the first answer counts.
      if (isPromise(result)) promise = Promise.resolve(result);
    } catch (error) {
      return this.#fail(id, error, brought);
    }
    if (!promise) return this.#succeed(id, result, brought, context);
    this.#running.set(id, context);
    promise.then(
      (value) => {
        if (this.#running.delete(id)) this.#succeed(id, value, brought, context);
      },
      (error: unknown) => {
        if (this.#running.delete(id)) this.#fail(id, error, brought);
      },
    );
  }

  #succeed(id: number, value: unknown, brought: Brought, context: CallContext): void {
    if (this.#session.ended) return;
    try {
      if (isAsyncGenerator(value)) {
        return this.#stream(id, value, context, () => this.#endOfCall(brought));
      }
      this.#send(MessageType.result, id, value);
    } catch (error) {
      // What cannot be sent as a result fails this call alone.
      return this.#fail(id, error, brought);
    }
    this.#endOfCall(brought);
  }

  #fail(id: number, error: unknown, brought: Brought): void {
    if (this.#session.ended) return;
    sendThrown(error, (form) => this.#send(MessageType.failed, id, form));
    this.#endOfCall(brought);
  }

  #endOfCall(brought: Brought): void {
    if (brought === NOTHING) return;
    this.#references.endOfCall(brought.references);
    this.#signals.endOfCall(brought.signals);
  }

  #send(type: number, id: number, value: unknown): void {
    const writer = this.#session.begin(type);
    try {
      writer.uint(id);
      this.#session.encoder.encode(writer, value, this.#functions);
    } catch (unsendable) {
      this.#session.drop();
      throw unsendable;
    }
    this.#session.commit();
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator<unknown> {
  return Object.prototype.toString.call(value) === "[object AsyncGenerator]";
}
