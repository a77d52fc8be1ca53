import type { FunctionCodec } from "../codec/function-codec.ts";
import { ValueDecoder } from "../codec/value-decoder.ts";
import { Deferred, rejected } from "../core/deferred.ts";
import { type ConnectorError, failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import type { DictChangeOp, DictCondition, DictWrite, PlainDictOp } from "../protocol/dict-messages.ts";
import { applyPatch } from "./byte-patch.ts";
import { type ChangeListener, ChangeListeners } from "./change-listeners.ts";
import { describe } from "./describe.ts";
import { DictValue, type ValueCodec } from "./dict-value.ts";
import { checkNewKey, checkSize } from "./key-check.ts";
import type { Effect, PendingOperation } from "./pending-operations.ts";
import { ReplicaView } from "./replica-view.ts";
import type { Uplink } from "./uplink.ts";
import { ValuePages } from "./value-pages.ts";
import { writeRefusal } from "./write-refusal.ts";

export interface ReplicaOptions {
  readonly limits: Readonly<Limits>;
  /** How functions inside values travel; left out, they are refused. */
  readonly functions?: FunctionCodec | undefined;
  /** Hears of plain assignments that were refused, and of listeners that threw. */
  readonly onError: (error: unknown) => void;
}

const NO_EFFECTS: readonly Effect[] = [];

/**
 * One side's copy of a dict. The server's state and the operations that this side has on the way are kept apart, and
 * what is read is the latter played over the former: own writes show at once, and what others write to the same keys
 * does not show through until the server has ordered it all.
 *
 * It survives its link: without one it can still be read, and the next link's snapshot takes the place of all.
 */
export class DictReplica {
  readonly codec: ValueCodec;
  readonly #onError: (error: unknown) => void;
  readonly #listeners: ChangeListeners;
  readonly #detachListeners = new Set<(reason: ConnectorError) => void>();
  readonly #view = new ReplicaView();
  readonly #pages = new ValuePages();
  /** The server's state is that of this revision. */
  #rev = 0;
  #uplink: Uplink | undefined;
  #detached: ConnectorError | undefined;
  /** Why it cannot even be read. */
  #denied: ConnectorError | undefined;
  #isStale = true;

  constructor(options: ReplicaOptions) {
    const { limits, functions, onError } = options;
    this.codec = { decoder: new ValueDecoder({ maxDepth: limits.maxDepth, shapes: false }), functions };
    this.#onError = onError;
    this.#listeners = new ChangeListeners(this.codec, onError);
  }

  // ---- reading ----

  /** Whether the server may have changes that will not come: no link, or no snapshot from it yet. */
  get stale(): boolean {
    return this.#isStale || this.#uplink?.isAbsent === true;
  }

  /** Own operations that the server has not answered. */
  get pending(): number {
    return this.#view.pending.size;
  }

  /** What a key holds as this side sees it; undefined when it is not there. */
  find(key: string): DictValue | undefined {
    if (this.#denied) throw this.#denied;
    return this.#view.find(key);
  }

  get(key: string): unknown {
    return this.find(key)?.read(this.codec);
  }

  get size(): number {
    if (this.#denied) throw this.#denied;
    return this.#view.size;
  }

  entries(): Generator<[key: string, value: DictValue]> {
    if (this.#denied) throw this.#denied;
    return this.#view.entries();
  }

  // ---- writing ----

  set(key: string, value: unknown): void {
    const uplink = this.#open();
    const bytes = this.encode(value);
    this.#checkKey(uplink, key);
    this.#perform(
      uplink,
      { kind: "set", key, value: bytes },
      [{ key, value: new DictValue(bytes) }],
      undefined,
    );
  }

  delete(key: string): void {
    const uplink = this.#open();
    this.#checkKey(uplink, key);
    this.#perform(uplink, { kind: "delete", key }, [deletion(key)], undefined);
  }

  clear(): void {
    this.#perform(this.#open(), { kind: "clear" }, NO_EFFECTS, undefined);
  }

  /** Sets all keys in one step: together they are no longer than one value may be. */
  update(entries: Iterable<readonly [key: string, value: unknown]>): void {
    const uplink = this.#open();
    const changes: PlainDictOp[] = [];
    const effects: Effect[] = [];
    let bytes = 0;
    for (const [key, item] of entries) {
      const value = this.encode(item);
      bytes += key.length + value.length;
      this.#checkKey(uplink, key);
      changes.push({ kind: "set", key, value });
      effects.push({ key, value: new DictValue(value) });
    }
    checkSize(uplink, bytes);
    if (changes.length > 0) this.#perform(uplink, { kind: "update", changes }, effects, undefined);
  }

  /**
   * Sets the key, or deletes it for no bytes, if it still holds what `find` gave.
   *
   * @returns resolves when the server has done so; rejects with `CNR_ERR_CONFLICT` when the newest value is another one
   */
  swap(key: string, base: DictValue | undefined, value: Uint8Array | undefined): Promise<unknown> {
    const uplink = this.#open();
    this.#checkKey(uplink, key);
    const write: DictWrite = { kind: "swap", key, condition: this.#condition(base), value };
    return this.#await(uplink, write, [{ key, value: new DictValue(value) }], base);
  }

  /** As `swap`, for a value that differs from the one before in a few places: only these travel. */
  patch(key: string, base: DictValue, value: Uint8Array, patch: Uint8Array): Promise<unknown> {
    const write: DictWrite = { kind: "patch", key, condition: this.#condition(base), patch };
    return this.#await(this.#open(), write, [{ key, value: new DictValue(value) }], base);
  }

  /**
   * Adds to the newest value, whatever it is.
   *
   * @param shown - what it is likely to become
   * @returns what it has become; rejects with `CNR_ERR_NOT_A_NUMBER`
   */
  increment(key: string, by: number, shown: number): Promise<unknown> {
    const uplink = this.#open();
    this.#checkKey(uplink, key);
    const value = new DictValue(this.encode(shown));
    return this.#await(uplink, { kind: "increment", key, by }, [{ key, value }]);
  }

  /** Resolves when all that was ordered anywhere before is in this replica. */
  barrier(): Promise<unknown> {
    return this.#await(this.#open(), { kind: "barrier" }, NO_EFFECTS);
  }

  /** Resolves when the server has ordered all own writes so far. */
  synced(): Promise<void> {
    if (!this.#uplink) return rejected(this.#notConnected());
    return this.#view.pending.whenAnswered();
  }

  /** The bytes of a value; throws the `CodecError` or `LimitError` that says why it cannot travel. */
  encode(value: unknown): Uint8Array {
    return this.#pages.encode(this.#open().encoder, value, this.codec.functions);
  }

  /** A write that nobody waits for was refused. */
  report(error: unknown): void {
    this.#onError(error);
  }

  // ---- listening ----

  onChange(listener: ChangeListener): Disposable {
    return this.#listeners.add(listener);
  }

  /** Hears each time the link is gone. */
  onDetach(listener: (reason: ConnectorError) => void): Disposable {
    this.#detachListeners.add(listener);
    return { [Symbol.dispose]: () => void this.#detachListeners.delete(listener) };
  }

  /** Why nothing can be written or waited for now. */
  get whyDetached(): ConnectorError | undefined {
    return this.#uplink ? undefined : this.#notConnected();
  }

  // ---- the link ----

  /** Takes a link; what it brings first is `reset`. */
  attach(uplink: Uplink): void {
    this.detach(failure("CNR_ERR_CLOSED", { by: "a newer link" }));
    this.#denied = undefined;
    this.#uplink = uplink;
    this.#view.stored = uplink.stored;
  }

  /** The link is gone. Own writes that it has not confirmed are taken back: nobody knows what became of them. */
  detach(reason: ConnectorError): void {
    this.#detach(reason);
  }

  /** The other side does not let this one use the dict: until there is another link, nothing can be read or written. */
  deny(reason: ConnectorError): void {
    const dropped = this.#detach(reason);
    this.#denied = reason;
    if (dropped.some(({ outcome }) => !outcome)) this.#onError(reason);
  }

  #detach(reason: ConnectorError): readonly PendingOperation[] {
    if (!this.#uplink) return [];
    this.#uplink = undefined;
    this.#detached = reason;
    this.#isStale = true;
    const before = this.#viewed();
    const dropped = this.#view.pending.dropAll();
    this.#listeners.noteDifference(before, this.#view);
    for (const { outcome, answered } of dropped) {
      outcome?.reject(reason);
      answered?.reject(reason);
    }
    for (const listener of [...this.#detachListeners]) listener(reason);
    this.tell();
    return dropped;
  }

  /** The server's whole state, in place of what was known of it. */
  reset(rev: number, entries: Iterable<readonly [key: string, bytes: Uint8Array]>): void {
    const before = this.#viewed();
    this.#view.reset(Array.from(entries, ([key, bytes]) => [key, new DictValue(bytes)]));
    this.#rev = rev;
    this.#isStale = false;
    this.#listeners.noteDifference(before, this.#view);
  }

  /** One atomic operation of somebody else. */
  change(ops: readonly DictChangeOp[]): void {
    for (const op of ops) this.#apply(op);
    this.#listeners.close("remote");
  }

  /** All changes up to this revision have come. */
  reached(rev: number): void {
    this.#rev = rev;
  }

  /** The server has ordered the oldest `count` own operations here, as they were shown. */
  acknowledge(count: number): void {
    for (let left = count; left > 0; left--) this.#settle(undefined);
  }

  /** The oldest own operation, an increment, has given this. */
  result(key: string, bytes: Uint8Array): void {
    const value = new DictValue(bytes);
    this.#settle({ key, value });
  }

  /**
   * The oldest own operation has been refused, and is taken back.
   *
   * @param text - see `RefusedWrite`
   */
  refuse(code: string, text: string): void {
    const before = this.#viewed();
    const operation = this.#view.pending.dropOldest();
    if (!operation) throw unexpected();
    this.#listeners.noteDifference(before, this.#view);
    const key = operation.effects[0]?.key ?? "";
    const found = describe(this.get(key));
    const error = writeRefusal({ code, text, key, found });
    if (operation.outcome) operation.outcome.reject(error);
    else this.#onError(error);
    operation.answered?.resolve();
  }

  /** Tells the listeners what the calls before have changed. */
  tell(): void {
    this.#listeners.tell();
  }

  // ----

  #open(): Uplink {
    if (!this.#uplink) throw this.#notConnected();
    return this.#uplink;
  }

  #notConnected(): ConnectorError {
    return this.#detached ?? failure("CNR_ERR_NOT_CONNECTED");
  }

  #await(
    uplink: Uplink,
    write: DictWrite,
    effects: readonly Effect[],
    base?: DictValue | undefined,
  ): Promise<unknown> {
    const outcome = new Deferred<unknown>();
    this.#perform(uplink, write, effects, outcome, base?.place);
    return outcome.promise;
  }

  #perform(
    uplink: Uplink,
    write: DictWrite,
    effects: readonly Effect[],
    outcome: Deferred<unknown> | undefined,
    dependsOn = 0,
  ): void {
    const isClear = write.kind === "clear";
    if (this.#listeners.isHeard) {
      if (isClear) for (const [key, value] of this.entries()) this.#listeners.note(key, value, undefined);
      for (const { key, value } of effects) this.#listeners.note(key, this.find(key), value);
    }
    this.#view.pending.add({ effects, isClear, dependsOn, outcome, answered: undefined });
    const event = this.#listeners.close("local");
    try {
      uplink.write(write);
    } catch (error) {
      this.#view.pending.dropNewest();
      this.#listeners.retract(event);
      throw error;
    }
    this.tell();
  }

  #condition(base: DictValue | undefined): DictCondition {
    if (!base) return { kind: "absent" };
    if (base.place === 0) return { kind: "since", rev: this.#rev };
    return { kind: "own", distance: this.#view.pending.nextPlace - base.place };
  }

  #settle(result: Effect | undefined): void {
    const operation = this.#view.pending.settleOldest();
    if (!operation) throw unexpected();
    if (operation.isClear) this.#view.clear();
    for (const { key, value } of result ? [result] : operation.effects) this.#view.put(key, value);
    if (result) {
      const shown = operation.effects[0]?.value;
      if (!this.#view.pending.hides(result.key) && !result.value.isSame(shown)) {
        this.#listeners.noteRemote(result.key, shown, result.value);
      }
    }
    operation.outcome?.resolve(result?.value.read(this.codec));
    operation.answered?.resolve();
  }

  #apply(op: DictChangeOp): void {
    if (op.kind === "clear") {
      if (this.#listeners.isHeard) {
        for (const [key, value] of this.#view.server) {
          if (!this.#view.pending.hides(key)) this.#listeners.note(key, value, undefined);
        }
      }
      this.#view.clear();
      return;
    }
    const { key } = op;
    const before = this.#view.server.get(key);
    const value = new DictValue(
      op.kind === "set" ? op.value : op.kind === "delete" ? undefined : applyPatch(before?.bytes, op.patch),
    );
    this.#view.put(key, value);
    if (this.#listeners.isHeard && !this.#view.pending.hides(key)) this.#listeners.note(key, before, value);
  }

  /** The view as it is, to be compared with later; nothing when nobody listens. */
  #viewed(): Map<string, DictValue> | undefined {
    return this.#listeners.isHeard ? new Map(this.#view.entries()) : undefined;
  }

  /** Keys that the server has were checked by somebody; most writes go to these. */
  #checkKey(uplink: Uplink, key: string): void {
    if (!this.#view.server.has(key)) checkNewKey(uplink, key);
  }
}

function deletion(key: string): Effect {
  return { key, value: new DictValue(undefined) };
}

function unexpected(): ConnectorError {
  return failure("CNR_ERR_PROTOCOL", { reason: "an answer to a write that was not made" });
}
