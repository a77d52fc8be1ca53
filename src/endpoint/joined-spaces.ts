import type { Limits } from "../core/limits.ts";
import { DictReplica } from "../dict/dict-replica.ts";
import { linkReplicas } from "../dict/replica-link.ts";
import { SharedDict } from "../dict/shared-dict.ts";
import { functionsByValue } from "../functions/by-value.ts";
import type { FunctionHost } from "../functions/function-host.ts";
import { QueueTable } from "../queues/queue-table.ts";
import { RemoteQueues } from "../queues/remote-queues.ts";
import type { Grants } from "../security/policy.ts";
import type { Session } from "../session/session.ts";
import type { GlobalQueuesOf, GlobalVarsOf, QueuesOf, VarsOf } from "./schema.ts";
import { Space } from "./space.ts";

/** The spaces that a client takes part in, kept apart from the links over which it does: they outlive them. */
export class JoinedSpaces<App> {
  readonly local: Space<VarsOf<App>, QueuesOf<App>>;
  readonly global: Space<GlobalVarsOf<App>, GlobalQueuesOf<App>>;
  readonly #localDict: DictReplica;
  readonly #globalDict: DictReplica;
  readonly #localQueues: QueueTable;
  readonly #globalQueues: QueueTable;

  constructor(
    host: FunctionHost,
    limits: Readonly<Limits>,
    grants: Grants,
    onError: (error: unknown) => void,
  ) {
    const functions = functionsByValue(host, grants.code);
    this.#localDict = new DictReplica({ limits, functions, onError });
    this.#globalDict = new DictReplica({ limits, functions, onError });
    this.#localQueues = new QueueTable(functions);
    this.#globalQueues = new QueueTable(functions);
    this.local = new Space(new SharedDict(this.#localDict), this.#localQueues);
    this.global = new Space(new SharedDict(this.#globalDict), this.#globalQueues);
  }

  /** Runs all of it over a new session. Resolves when the global variables are here. */
  attach(session: Session): Promise<void> {
    const queues = new RemoteQueues(session);
    this.#localQueues.attach(queues.local);
    this.#globalQueues.attach(queues.global);
    session.onEnd((reason) => {
      this.#localQueues.detach(reason);
      this.#globalQueues.detach(reason);
    });
    return linkReplicas(session, { local: this.#localDict, global: this.#globalDict }).ready;
  }
}
