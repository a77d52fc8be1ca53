import type { FunctionCodec } from "../codec/function-codec.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import { Future, fail, failAt, fulfil, type Worker } from "../core/future.ts";
import { Waiter, type WaitOptions } from "../core/waiting.ts";
import { type CapturedFunction, writeCapturedFunction } from "../functions/captured-function.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "../session/session.ts";
import { withLocalFrames } from "./remote-error.ts";

/** What a call is for; the number travels. */
export const TargetKind = { name: 0, reference: 1, eval: 2, exec: 3, function: 4 } as const;

/** A name, code, the number of a live callback, or a function that goes along. */
export type CallTarget = string | number | CapturedFunction;

interface PendingCall {
  readonly future: Future<unknown>;
  readonly kind: number;
  readonly target: CallTarget;
  /** How many frames had been sent before the one that has it. */
  readonly frame: number;
}

/** Calls to the other side that wait for their answers. */
export class OutgoingCalls implements Worker {
  readonly #session: Session;
  readonly #argumentsCodec: FunctionCodec;
  readonly #functions: FunctionCodec;
  readonly #slots: (PendingCall | undefined)[] = [];
  readonly #free: number[] = [];

  /**
   * @param argumentsCodec - how functions and signals travel in arguments
   * @param functions - how functions travel in results
   */
  constructor(session: Session, argumentsCodec: FunctionCodec, functions: FunctionCodec) {
    this.#session = session;
    this.#argumentsCodec = argumentsCodec;
    this.#functions = functions;
    session.onEnd((reason) => {
      for (const pending of this.#slots) {
        if (!pending) continue;
        const hasLeft = pending.frame < session.handedFrames;
        pending.future[fail](lostCall(reason, hasLeft ? "unknown" : "no"));
      }
      this.#slots.length = 0;
      this.#free.length = 0;
    });
  }

  /** Calls that wait for their answers. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  call(kind: number, target: CallTarget, args: readonly unknown[], options?: WaitOptions): Future<unknown> {
    if (this.#session.ended) return Future.failed(lostCall(this.#session.ended, "no"));
    if (options?.signal?.aborted) return Future.failed(options.signal.reason);
    // The other side would take it for a broken protocol.
    if (!Array.isArray(args)) return Future.failed(new TypeError("the arguments of a call are an array"));
    const id = this.#free.pop() ?? this.#slots.length;
    const future = new Future<unknown>(this, id);
    this.#slots[id] = { future, kind, target, frame: this.#session.sentFrames };
    try {
      const writer = this.#session.begin(MessageType.call);
      try {
        writer.uint(id);
        writer.byte(kind);
        if (typeof target === "string") writer.string(target);
        else if (typeof target === "number") writer.uint(target);
        else writeCapturedFunction(writer, target);
        this.#session.encoder.encode(writer, args, this.#argumentsCodec);
      } catch (error) {
        this.#session.drop();
        throw error;
      }
    } catch (error) {
      this.#takeSlot(id);
      future[fail](error);
      return future;
    }
    this.#session.commit();
    if (options && (options.signal || options.timeoutMs !== undefined)) {
      this.#limit(future, id, describe(kind, target), options);
    }
    return future;
  }

  /** The caller has lost interest: the work is to stop; its answer still comes, and frees the slot. */
  cancel(id: number): void {
    if (this.#session.ended) return;
    const writer = this.#session.begin(MessageType.cancel);
    writer.uint(id);
    this.#session.commit();
  }

  /**
   * Frees the slot of a call that was answered, and gives its future, which may be cancelled. Call it when the whole
   * answer is read: one that cannot be read ends the session, and that must find the call still waiting.
   */
  answered(id: number): PendingCall {
    const pending = this.#slots[id];
    if (!pending)
      throw failure("CNR_ERR_PROTOCOL", { reason: `an answer to call ${id}, which was not made` });
    this.#takeSlot(id);
    return pending;
  }

  succeeded(reader: ByteReader): void {
    const id = reader.uint();
    const value = this.#session.decoder.decode(reader, this.#functions);
    this.answered(id).future[fulfil](value);
  }

  failedWith(reader: ByteReader): void {
    const id = reader.uint();
    const error = this.#session.decoder.decode(reader, this.#functions);
    const pending = this.answered(id);
    const { future } = pending;
    if (!(error instanceof Error)) return future[fail](error);
    const place = this.placeOf(pending);
    future[failAt]((waitingStack) => withLocalFrames(error, place, waitingStack));
  }

  /** Where a call runs, and for what: for its errors. */
  placeOf({ kind, target }: PendingCall): string {
    return `${this.#session.link.remoteAddress} for ${describe(kind, target)}`;
  }

  #takeSlot(id: number): void {
    this.#slots[id] = undefined;
    this.#free.push(id);
  }

  #limit(future: Future<unknown>, id: number, what: string, options: WaitOptions): void {
    const waiter = new Waiter<void>(what, options);
    waiter.promise.catch((reason: unknown) => {
      if (future.done()) return;
      this.cancel(id);
      future[fail](reason);
    });
    future.addDoneCallback(() => waiter.resolve());
  }
}

/** What was called, for people. */
function describe(kind: number, target: CallTarget): string {
  if (kind === TargetKind.name) return `callRemote("${String(target)}")`;
  if (kind === TargetKind.eval) return "eval()";
  if (kind === TargetKind.exec) return "exec()";
  if (typeof target !== "object") return "a callback";
  return `call(${(target.kind === "source" ? target.name : target.path) || "function"})`;
}

/** Whether a call ran is known only while it has not left. */
function lostCall(reason: ConnectorError, executed: "no" | "unknown"): ConnectorError {
  if (reason.code === "CNR_ERR_PROTOCOL") {
    return failure("CNR_ERR_LINK_LOST", { reason: reason.message, executed }, reason);
  }
  return failure(reason.code, { ...reason.details, executed }, reason);
}
