import { failure } from "../core/errors.ts";
import { randomBytes } from "../core/ids.ts";
import type { Limits } from "../core/limits.ts";
import type { KeyRing } from "../security/key-ring.ts";
import { greetClient } from "../session/greet-client.ts";
import { parting } from "../session/handshake.ts";
import type { HeartbeatOptions } from "../session/heartbeat.ts";
import type { Session } from "../session/session.ts";
import { SessionTable } from "../session/session-table.ts";
import { isLoopback } from "../transport/address.ts";
import { listenSecure } from "../transport/node/secure.ts";
import { listenOnPort, type PortOrWorker } from "../transport/node/worker-port.ts";
import type { Link, Listener } from "../transport/transport.ts";
import { keyFinder } from "./server-keys.ts";
import { ThreadSessions } from "./thread-sessions.ts";

/** From the proof of the key to the HELLO. */
const HELLO_TIMEOUT_MS = 5000;
const LOCAL_HOST = "127.0.0.1";

export interface ReceptionOptions {
  readonly limits: Readonly<Limits>;
  readonly heartbeat: HeartbeatOptions | undefined;
  /** Hears of whoever was turned away, and why. */
  readonly onError: (error: unknown) => void;
  /** @param keyName - of the key that the client has proved; undefined where none is asked for */
  readonly onSession: (session: Session, clientName: string, keyName: string | undefined) => void;
}

/** Takes in links, whatever brings them, and makes sessions of them, or lets sessions go on over them. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #epoch: Uint8Array = randomBytes(16);
  readonly #sessions: SessionTable;
  readonly #greetings = new Set<Link>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.#sessions = new SessionTable(options.limits);
  }

  /**
   * Rejects with `CNR_ERR_ADDRESS_IN_USE`, `CNR_ERR_ADDRESS_UNAVAILABLE`, `CNR_ERR_HOST_UNKNOWN`, `CNR_ERR_LOOPBACK_ONLY`.
   *
   * @param keys - undefined: links come without a key, from this machine only unless `isInsecure`
   */
  async listen(
    host: string | undefined,
    port: number,
    keys: KeyRing | undefined,
    isInsecure: boolean,
  ): Promise<Listener> {
    const isOpen = keys !== undefined || isInsecure;
    const where = host ?? (isOpen ? undefined : LOCAL_HOST);
    if (!isOpen && where !== undefined && !isLoopback(where))
      throw failure("CNR_ERR_LOOPBACK_ONLY", { host: where });
    return await listenSecure({
      host: where,
      port,
      findKey: keys && keyFinder(keys),
      limits: this.#options.limits,
      onLink: (link) => void this.#greet(link),
      onRefused: this.#options.onError,
      plainRefusal: parting(failure("CNR_ERR_KEYLESS", { address: "a server that needs a key" })),
    });
  }

  /** Takes links of another thread of this program, which needs no key. */
  accept(port: PortOrWorker): Disposable {
    const sessions = new ThreadSessions();
    const listening = listenOnPort(
      port,
      (link) => void this.#greet(link, sessions),
      () => sessions.endWithLinks(),
    );
    return {
      [Symbol.dispose]: () => {
        listening[Symbol.dispose]();
        sessions.endWithLinks();
      },
    };
  }

  async #greet(link: Link, threadSessions?: ThreadSessions): Promise<void> {
    const { limits, heartbeat, onSession, onError } = this.#options;
    if (this.#greetings.size >= limits.maxPendingHandshakes) return link.abort();
    this.#greetings.add(link);
    const { keyName } = link;
    try {
      await greetClient(
        link,
        {
          epoch: this.#epoch,
          sessions: this.#sessions,
          limits,
          heartbeat,
          keyName,
          onBegun: (session, clientName) => {
            onSession(session, clientName, keyName);
            threadSessions?.add(session);
          },
        },
        { timeoutMs: HELLO_TIMEOUT_MS },
      );
    } catch (error) {
      onError(error);
    } finally {
      this.#greetings.delete(link);
    }
  }

  /** Ends the links that have no session yet: all of them, or those that have come with this key. */
  dismiss(keyName?: string): void {
    for (const link of this.#greetings) if (keyName === undefined || link.keyName === keyName) link.abort();
  }
}
