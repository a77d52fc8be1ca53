import { BytePages } from "../core/byte-pages.ts";
import { type ByteReader, malformed } from "../core/byte-reader.ts";
import { Deferred } from "../core/deferred.ts";
import { type DictChangeOp, DictSpace, readChangeOp, writeDictWrite } from "../protocol/dict-messages.ts";
import { MessageType } from "../protocol/message-types.ts";
import { notAllowed } from "../security/policy.ts";
import type { Session } from "../session/session.ts";
import type { DictReplica } from "./dict-replica.ts";

export interface ReplicaLink {
  /**
   * Resolves when the global dict's snapshot is in, or when the other side has said that there will be none for this one;
   * rejects with the reason when the session ends before.
   */
  readonly ready: Promise<void>;
}

/** Replicas of one side of a session, whose authorities are at the other: attached now, detached when the session ends. */
export function linkReplicas(
  session: Session,
  replicas: { readonly local: DictReplica; readonly global: DictReplica },
): ReplicaLink {
  const ready = new Deferred<void>();
  const local = new Downstream(session, DictSpace.local, replicas.local);
  const global = new Downstream(session, DictSpace.global, replicas.global, () => ready.resolve());
  const of = (reader: ByteReader): Downstream => {
    const space = reader.uint();
    if (space === DictSpace.local) return local;
    if (space === DictSpace.global) return global;
    throw malformed("an unknown dict");
  };
  session.handle({
    [MessageType.dictAcknowledge]: (reader) => of(reader).acknowledged(reader),
    [MessageType.dictRefuse]: (reader) => of(reader).refused(reader),
    [MessageType.dictResult]: (reader) => of(reader).result(reader),
    [MessageType.dictChange]: (reader) => of(reader).changed(reader),
    [MessageType.dictSnapshot]: (reader) => of(reader).snapshot(reader),
    [MessageType.dictDeny]: (reader) => of(reader).denied(),
  });
  // The local dict begins with the session, empty; the other side makes it when somebody uses it.
  replicas.local.reset(0, []);
  replicas.local.tell();
  session.onEnd((reason) => {
    replicas.local.detach(reason);
    replicas.global.detach(reason);
    ready.reject(reason);
  });
  return { ready: ready.promise };
}

/** What comes for one replica. */
class Downstream {
  readonly #replica: DictReplica;
  readonly #onFirst: () => void;
  readonly #pages = new BytePages();
  /** The parts of a snapshot that have come. */
  #entries: [key: string, bytes: Uint8Array][] = [];

  constructor(session: Session, space: number, replica: DictReplica, onFirst: () => void = () => {}) {
    this.#replica = replica;
    this.#onFirst = onFirst;
    replica.attach({
      get encoder() {
        return session.plainEncoder;
      },
      maxValueBytes: session.limits.maxValueBytes,
      get isAbsent() {
        return session.isAbsent;
      },
      write(write) {
        const writer = session.begin(MessageType.dictWrite);
        writer.uint(space);
        writeDictWrite(writer, write);
        session.commit();
      },
    });
  }

  acknowledged(reader: ByteReader): void {
    this.#replica.acknowledge(reader.uint());
    this.#reached(reader.uint());
  }

  refused(reader: ByteReader): void {
    this.#replica.refuse(reader.string(), reader.string());
    this.#replica.tell();
  }

  result(reader: ByteReader): void {
    const rev = reader.uint();
    this.#replica.result(reader.key(), reader.keptBinary(this.#pages));
    this.#reached(rev);
  }

  changed(reader: ByteReader): void {
    const rev = reader.uint();
    for (let left = reader.count(1); left > 0; left--) {
      const count = reader.count(1);
      if (count === 1) this.#replica.change([readChangeOp(reader, this.#pages)]);
      else this.#replica.change(readOps(reader, count, this.#pages));
    }
    this.#reached(rev);
  }

  snapshot(reader: ByteReader): void {
    const rev = reader.uint();
    const isLast = reader.boolean();
    for (let left = reader.count(2); left > 0; left--)
      this.#entries.push([reader.key(), reader.keptBinary(this.#pages)]);
    if (!isLast) return;
    const entries = this.#entries;
    this.#entries = [];
    this.#replica.reset(rev, entries);
    this.#replica.tell();
    this.#onFirst();
  }

  denied(): void {
    this.#replica.deny(notAllowed("data", "using this dict"));
    this.#onFirst();
  }

  /** 0: more has to come before the replica has a state that the server has had. */
  #reached(rev: number): void {
    if (rev > 0) this.#replica.reached(rev);
    this.#replica.tell();
  }
}

function readOps(reader: ByteReader, count: number, pages: BytePages): DictChangeOp[] {
  const ops: DictChangeOp[] = [];
  for (let left = count; left > 0; left--) ops.push(readChangeOp(reader, pages));
  return ops;
}
