import type { FunctionCodec } from "../codec/function-codec.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { ConnectorError, failure } from "../core/errors.ts";
import { fail, fulfil, Future, type Worker } from "../core/future.ts";
import { Waiter, type WaitOptions } from "../core/waiting.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "../session/session.ts";
import { withLocalFrames } from "./remote-error.ts";

/** Writes what is to be called: the kind of target, and its fields. */
export interface CallTarget {
  readonly what: string;
  write(writer: ByteWriter): void;
}

/**
 * While fewer calls than this wait, each remembers where it was made, for the stack of its error. Under a flood
 * that would cost more than the calls themselves.
 */
const MAX_REMEMBERED_SITES = 16;

interface Site {
  readonly what: string;
  stack?: string;
}

/** Calls to the other side that wait for their answers. */
export class OutgoingCalls implements Worker {
  readonly #session: Session;
  readonly #functions: FunctionCodec;
  readonly #slots: (Future<unknown> | undefined)[] = [];
  readonly #sites: (Site | undefined)[] = [];
  readonly #free: number[] = [];

  constructor(session: Session, functions: FunctionCodec) {
    this.#session = session;
    this.#functions = functions;
    session.onEnd((reason) => {
      for (const future of this.#slots) future?.[fail](lostCall(reason));
      this.#slots.length = 0;
      this.#sites.length = 0;
      this.#free.length = 0;
    });
  }

  /** Calls that wait for their answers. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  call(target: CallTarget, args: readonly unknown[], options?: WaitOptions): Future<unknown> {
    if (this.#session.ended) return Future.failed(lostCall(this.#session.ended, "no"));
    if (options?.signal?.aborted) return Future.failed(options.signal.reason);
    const id = this.#free.pop() ?? this.#slots.length;
    const future = new Future<unknown>(this, id);
    this.#slots[id] = future;
    try {
      const writer = this.#session.begin(MessageType.call);
      try {
        writer.uint(id);
        target.write(writer);
        this.#session.encoder.encode(writer, args, this.#functions);
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
    if (this.size <= MAX_REMEMBERED_SITES) this.#sites[id] = siteOf(target.what);
    if (options && (options.signal || options.timeoutMs !== undefined)) this.#limit(future, id, target.what, options);
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
  answered(id: number): Future<unknown> {
    const future = this.#slots[id];
    if (!future) throw failure("CNR_ERR_PROTOCOL", { reason: `an answer to call ${id}, which was not made` });
    this.#takeSlot(id);
    return future;
  }

  succeeded(reader: ByteReader): void {
    const id = reader.uint();
    const value = this.#session.decoder.decode(reader, this.#functions);
    this.answered(id)[fulfil](value);
  }

  failedWith(reader: ByteReader): void {
    const id = reader.uint();
    const error = this.#session.decoder.decode(reader, this.#functions);
    const site = this.#sites[id];
    const future = this.answered(id);
    const where = this.#session.link.remoteAddress.toString();
    if (!future.done()) future[fail](withLocalFrames(error, where, site?.what ?? "a call", site?.stack));
  }

  #takeSlot(id: number): void {
    this.#slots[id] = undefined;
    this.#sites[id] = undefined;
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

function siteOf(what: string): Site {
  const site: Site = { what };
  Error.captureStackTrace?.(site, OutgoingCalls.prototype.call);
  return site;
}

/** Whether a call ran is known only while it has not left. */
function lostCall(reason: ConnectorError, executed: "no" | "unknown" = "unknown"): ConnectorError {
  if (reason.code === "CNR_ERR_PROTOCOL") {
    return failure("CNR_ERR_LINK_LOST", { reason: reason.message, executed }, reason);
  }
  return failure(reason.code, { ...reason.details, executed }, reason);
}
