import type { FunctionCodec } from "../../../src/codec/function-codec.ts";
import { failure } from "../../../src/core/errors.ts";
import { type Limits, withLimits } from "../../../src/core/limits.ts";
import { type AuthorityLink, linkAuthorities } from "../../../src/dict/authority-link.ts";
import { DictAuthority } from "../../../src/dict/dict-authority.ts";
import { DictReplica } from "../../../src/dict/dict-replica.ts";
import { linkReplicas } from "../../../src/dict/replica-link.ts";
import { type LooseVars, SharedDict } from "../../../src/dict/shared-dict.ts";
import type { Session } from "../../../src/session/session.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import type { Store } from "../../../src/stores/store.ts";
import { sessionPair } from "../session/session-pair.ts";

export interface Side<V extends object = LooseVars> {
  readonly dict: SharedDict<V>;
  readonly replica: DictReplica;
  /** What reached the `error` event. */
  readonly errors: unknown[];
}

export interface JoinedClient {
  readonly local: Side;
  readonly global: Side;
  readonly session: Session;
  /** Resolves when the global dict's snapshot is in. */
  readonly ready: Promise<void>;
  /** The server's end. */
  readonly peer: { readonly session: Session; readonly link: AuthorityLink; readonly local: () => Side };
}

export interface WorldOptions {
  readonly store?: Store;
  readonly limits?: Partial<Limits>;
  readonly functions?: FunctionCodec;
}

/** A server with a global dict, and any number of clients with sessions of their own. */
export class DictWorld {
  readonly store: Store;
  readonly authority: DictAuthority;
  readonly server: Side;
  readonly #options: WorldOptions;
  readonly #sessions: Session[] = [];

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.store = options.store ?? new MemoryStore();
    this.authority = new DictAuthority(this.store, withLimits(options.limits));
    this.server = this.side();
    this.authority.joinReplica(this.server.replica);
  }

  side(): Side {
    const errors: unknown[] = [];
    const { functions, limits } = this.#options;
    const onError = (error: unknown): void => void errors.push(error);
    const replica = new DictReplica({ limits: withLimits(limits), functions, onError });
    return { replica, dict: new SharedDict(replica), errors };
  }

  /** A client that is linked; its snapshot may still be on the way. */
  link(local: Side = this.side(), global: Side = this.side()): JoinedClient {
    const { limits } = this.#options;
    const [serverEnd, clientEnd] = sessionPair(limits ? { limits } : {});
    this.#sessions.push(serverEnd, clientEnd);
    const link = linkAuthorities(serverEnd, {
      local: () => new DictAuthority(new MemoryStore(), withLimits(limits)),
      global: this.authority,
    });
    let own: Side | undefined;
    const peerLocal = (): Side => {
      if (!own) {
        own = this.side();
        link.local.joinReplica(own.replica);
      }
      return own;
    };
    const { ready } = linkReplicas(clientEnd, { local: local.replica, global: global.replica });
    return { local, global, session: clientEnd, ready, peer: { session: serverEnd, link, local: peerLocal } };
  }

  /** A client whose snapshot is in. */
  async join(local?: Side, global?: Side): Promise<JoinedClient> {
    const client = this.link(local, global);
    await client.ready;
    return client;
  }

  close(): void {
    const reason = failure("CNR_ERR_CLOSED", { by: "the test" });
    for (const session of this.#sessions) session.abort(reason);
    this.authority.close(reason);
  }
}
