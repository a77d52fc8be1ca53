import type { FunctionCodec } from "../codec/function-codec.ts";
import { ABORTED, type SignalCodec } from "../codec/signal-codec.ts";
import { onAbort } from "../core/abort.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "../session/session.ts";
import { sendThrown } from "./thrown-error.ts";

const NONE: readonly number[] = [];

/**
 * AbortSignals in the arguments of calls: on the other side stands a signal that aborts when the original does, as
 * long as the call runs. Its end is told by whoever runs it, so that a generator's call ends with its last value.
 */
export class CallSignals implements SignalCodec {
  readonly #session: Session;
  /** What stops listening to a signal of this side. */
  readonly #lent = new Map<number, () => void>();
  /** Held here, for a listener of a signal may be all that is left of it. */
  readonly #borrowed = new Map<number, AbortController>();
  #nextId = 1;
  /** Lent by the message that is being written. */
  #lentSince: number[] = [];
  /** Borrowed by the message that is being read. */
  #borrowedSince: number[] = [];

  constructor(session: Session) {
    this.#session = session;
    session.onEnd((reason) => {
      for (const stopListening of this.#lent.values()) stopListening();
      this.#lent.clear();
      const borrowed = [...this.#borrowed.values()];
      this.#borrowed.clear();
      // Nobody is left who could abort them, and what waits for them would wait for ever.
      for (const controller of borrowed) controller.abort(reason);
    });
  }

  /** The codec for arguments: functions as they travel in calls, and signals. */
  besides(functions: FunctionCodec): FunctionCodec {
    return {
      ...functions,
      signals: this,
      begin: () => {
        functions.begin?.();
        if (this.#lentSince.length > 0) this.#lentSince = [];
      },
      rollBack: () => {
        functions.rollBack?.();
        for (const id of this.#lentSince.splice(0)) this.#forget(id);
      },
    };
  }

  lend(signal: AbortSignal): number {
    const { maxReferences: max } = this.#session.limits;
    if (isFull(this.#lent, this.#lentSince, max)) {
      throw failure("CNR_ERR_TOO_MANY", { what: "signals in arguments", max, option: "maxReferences" });
    }
    const id = signal.aborted ? ABORTED : this.#nextId++;
    this.#lentSince.push(id);
    if (id !== ABORTED) {
      this.#lent.set(
        id,
        onAbort(signal, () => this.#tell(id, signal.reason)),
      );
    }
    return id;
  }

  borrow(id: number): AbortController {
    const { maxReferences: max } = this.#session.limits;
    if (isFull(this.#borrowed, this.#borrowedSince, max)) {
      throw failure("CNR_ERR_PROTOCOL", { reason: `more than ${max} signals (limits.maxReferences)` });
    }
    if (this.#borrowed.has(id)) throw failure("CNR_ERR_PROTOCOL", { reason: `signal ${id} is in use` });
    const controller = new AbortController();
    this.#borrowedSince.push(id);
    if (id !== ABORTED) this.#borrowed.set(id, controller);
    return controller;
  }

  /** The numbers of the signals in the arguments that were read last. */
  takeBorrowed(): readonly number[] {
    return this.#borrowedSince.length > 0 ? this.#borrowedSince.splice(0) : NONE;
  }

  /** The call that brought these signals has ended: they stay as they are. */
  endOfCall(ids: readonly number[]): void {
    for (const id of ids) {
      if (!this.#borrowed.delete(id)) continue;
      this.#session.begin(MessageType.signalRelease).uint(id);
      this.#session.commit();
    }
  }

  /** A signal of the other side has aborted; its call may have ended meanwhile. */
  aborted(reader: ByteReader): void {
    const id = reader.uint();
    const reason = this.#session.decoder.decode(reader);
    this.#borrowed.get(id)?.abort(reason);
  }

  released(reader: ByteReader): void {
    const id = reader.uint();
    if (!this.#forget(id)) {
      throw failure("CNR_ERR_PROTOCOL", { reason: `it gave back a signal that it did not hold: ${id}` });
    }
  }

  #forget(id: number): boolean {
    this.#lent.get(id)?.();
    return this.#lent.delete(id);
  }

  #tell(id: number, reason: unknown): void {
    if (!this.#lent.has(id) || this.#session.ended) return;
    // Aborted by a getter of a value that is being sent: not in the middle of that message.
    if (this.#session.isWriting) return queueMicrotask(() => this.#tell(id, reason));
    try {
      sendThrown(reason, (form) => this.#send(id, form));
    } catch {
      // Nothing of the reason can travel; that there is one still does.
      this.#send(id, undefined);
    }
  }

  #send(id: number, reason: unknown): void {
    const writer = this.#session.begin(MessageType.signalAbort);
    try {
      writer.uint(id);
      this.#session.encoder.encode(writer, reason);
    } catch (unsendable) {
      this.#session.drop();
      throw unsendable;
    }
    this.#session.commit();
  }
}

/** Signals that have aborted are forgotten with their message; in it they count, for each is larger than its bytes. */
function isFull(table: ReadonlyMap<number, unknown>, inMessage: readonly number[], max: number): boolean {
  return table.size >= max || inMessage.length >= max;
}
