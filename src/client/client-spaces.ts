import type { FunctionCodec } from "../codec/function-codec.ts";
import type { Limits } from "../core/limits.ts";
import { DictReplica } from "../dict/dict-replica.ts";
import { linkReplicas } from "../dict/replica-link.ts";
import { SharedDict } from "../dict/shared-dict.ts";
import type { GlobalVarsOf, VarsOf } from "../endpoint/schema.ts";
import { functionsByValue } from "../functions/by-value.ts";
import type { FunctionHost } from "../functions/function-host.ts";
import { PipeTable } from "../pipes/pipe-table.ts";
import { QueueTable } from "../queues/queue-table.ts";
import { RemoteQueues } from "../queues/remote-queues.ts";
import type { Grants } from "../rpc/code-host.ts";
import { ExposedFunctions } from "../rpc/exposed-functions.ts";
import type { Session } from "../session/session.ts";

/** What a client shares, kept apart from the links over which it does: it outlives them. */
export class ClientSpaces<App> {
  readonly exposed: ExposedFunctions = new ExposedFunctions();
  readonly pipes: PipeTable;
  readonly localDict: SharedDict<VarsOf<App>>;
  readonly globalDict: SharedDict<GlobalVarsOf<App>>;
  readonly localQueues: QueueTable;
  readonly globalQueues: QueueTable;
  readonly #local: DictReplica;
  readonly #global: DictReplica;

  constructor(
    host: FunctionHost,
    limits: Readonly<Limits>,
    grants: Grants,
    onError: (error: unknown) => void,
  ) {
    const functions: FunctionCodec = functionsByValue(host, grants.code);
    this.pipes = new PipeTable(functions);
    this.#local = new DictReplica({ limits, functions, onError });
    this.#global = new DictReplica({ limits, functions, onError });
    this.localDict = new SharedDict(this.#local);
    this.globalDict = new SharedDict(this.#global);
    this.localQueues = new QueueTable(functions);
    this.globalQueues = new QueueTable(functions);
  }

  /** Runs all of it over a new session. Resolves when the global variables are here. */
  attach(session: Session): Promise<void> {
    const queues = new RemoteQueues(session);
    this.localQueues.attach(queues.local);
    this.globalQueues.attach(queues.global);
    session.onEnd((reason) => {
      this.localQueues.detach(reason);
      this.globalQueues.detach(reason);
    });
    return linkReplicas(session, { local: this.#local, global: this.#global });
  }
}
