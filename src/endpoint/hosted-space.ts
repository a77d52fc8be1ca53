import { randomBytes, toHex } from "../core/ids.ts";
import type { Limits } from "../core/limits.ts";
import { linkAuthorities } from "../dict/authority-link.ts";
import { denyDicts } from "../dict/denied-dicts.ts";
import { DictAuthority } from "../dict/dict-authority.ts";
import { DictReplica } from "../dict/dict-replica.ts";
import { SharedDict } from "../dict/shared-dict.ts";
import { functionsByValue } from "../functions/by-value.ts";
import type { FunctionHost } from "../functions/function-host.ts";
import { MessageType } from "../protocol/message-types.ts";
import { denyQueues } from "../queues/denied-queues.ts";
import { DirectQueues } from "../queues/direct-queues.ts";
import { QueueHost } from "../queues/queue-host.ts";
import { serveQueues } from "../queues/queue-host-link.ts";
import { QueueTable } from "../queues/queue-table.ts";
import type { Grants } from "../security/policy.ts";
import type { Session } from "../session/session.ts";
import type { Store } from "../stores/store.ts";
import { Space } from "./space.ts";

export interface HostedSpaceOptions {
  readonly store: Store;
  readonly limits: Readonly<Limits>;
  readonly host: FunctionHost;
  /** Hears of failures that nobody waits for. */
  readonly onError: (error: unknown) => void;
}

/**
 * A space that lives in this program: its store, what serves it to others, and this program's own way to it, which
 * goes through the same doors.
 */
export class HostedSpace<Vars extends object> {
  readonly authority: DictAuthority;
  readonly queueHost: QueueHost;
  readonly dict: SharedDict<Vars>;
  readonly queues: QueueTable;

  constructor({ store, limits, host, onError }: HostedSpaceOptions) {
    // Who may not bring code is refused at the door: what has come in may be run.
    const functions = functionsByValue(host, true);
    const replica = new DictReplica({ limits, functions, onError });
    this.authority = new DictAuthority(store, limits);
    this.queueHost = new QueueHost(store, limits);
    this.dict = new SharedDict(replica);
    this.queues = new QueueTable(functions);
    this.authority.joinReplica(replica);
    this.openQueues();
  }

  /** Lets this program use the queues; again after their waits were ended. */
  openQueues(): void {
    if (!this.queues.binding) this.queues.attach(new DirectQueues(this.queueHost, toHex(randomBytes(8))));
  }

  /** Ends all waits at queues of this program; items stay where they are. */
  closeQueues(reason: unknown): void {
    this.queues.detach(reason);
  }
}

/** What a space shows to those who use it over a link. */
export type ServedSpace = Pick<HostedSpace<object>, "authority" | "queueHost">;

export interface SpaceService<Vars extends object> {
  readonly globals: ServedSpace;
  /** Makes the space of this client and its peer; called once at most. */
  readonly makeLocal: () => HostedSpace<Vars>;
  /** What the client may do. */
  readonly grants: Grants;
}

/**
 * Serves a client over its session: the globals now, and the space of the two when one of them first uses it, for most
 * clients never do. One that has no grant for it is refused, and this side then has the latter for itself.
 *
 * @returns gives the space of the two to this side
 */
export function serveSpaces<Vars extends object, Queues extends object>(
  session: Session,
  { globals, makeLocal, grants }: SpaceService<Vars>,
): () => Space<Vars, Queues> {
  let hosted: HostedSpace<Vars> | undefined;
  let space: Space<Vars, Queues> | undefined;
  const host = (): HostedSpace<Vars> => {
    if (!hosted) {
      hosted = makeLocal();
      if (session.ended) hosted.closeQueues(session.ended);
    }
    return hosted;
  };
  const mayBringCode = grants.code;
  const dicts = grants.data
    ? linkAuthorities(session, { local: () => host().authority, global: globals.authority, mayBringCode })
    : denyDicts(session);
  session.handleLater([MessageType.queueOpen], () => {
    if (!grants.data) return denyQueues(session);
    serveQueues(session, { local: () => host().queueHost, global: globals.queueHost, mayBringCode });
  });
  session.onEnd((reason) => hosted?.closeQueues(reason));
  return () => {
    if (!space) {
      space = new Space(host().dict, host().queues);
      // The client hears of what is written here only once its replica has been let in.
      void dicts?.local;
    }
    return space;
  };
}
