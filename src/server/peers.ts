import { Waiter, type WaitOptions } from "../core/waiting.ts";
import { hostAndPort, type Target } from "../transport/address.ts";
import type { Peer } from "./peer.ts";

interface Count {
  readonly wanted: number;
  readonly waiter: Waiter<void>;
}

/** Who is connected changes only through these: the server's own business. */
export const joined: unique symbol = Symbol("joined");
export const moved: unique symbol = Symbol("moved");
export const left: unique symbol = Symbol("left");
export const closed: unique symbol = Symbol("closed");

/**
 * The connected peers in order of connecting: an array to read, with ways to find one.
 *
 * @example
 * await server.clients.waitFor(2);
 * server.clients[0].vars.progress = 0;
 * server.clients.named("worker-3")?.send("go on");
 */
export class Peers<App> extends Array<Peer<App>> {
  readonly #byId = new Map<string, Peer<App>>();
  readonly #byAddress = new Map<string, Peer<App>>();
  /** Where each was when it was last looked at. */
  readonly #addresses = new Map<Peer<App>, string>();
  readonly #counts = new Set<Count>();

  /** What `map` and `filter` give are plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** The peer with this id or address (`"host:port"` or `{ host, port }`), or undefined. */
  get(key: string | Target): Peer<App> | undefined {
    if (typeof key !== "string") return this.#byAddress.get(hostAndPort(key.host, key.port));
    return this.#byId.get(key) ?? this.#byAddress.get(key);
  }

  /** The first peer whose client has this `name`, or undefined. */
  named(name: string): Peer<App> | undefined {
    return this.find((peer) => peer.name === name);
  }

  /** `"host:port"` of each, in order of connecting. */
  addresses(): string[] {
    return this.map((peer) => String(peer.address));
  }

  /**
   * Resolves when at least `count` clients are connected.
   *
   * Rejects with `CNR_ERR_CLOSED` when the server closes, `CNR_ERR_TIMEOUT` after `timeoutMs`, `signal.reason`.
   */
  waitFor(count: number, options?: WaitOptions): Promise<void> {
    if (this.length >= count) return Promise.resolve();
    const entry: Count = {
      wanted: count,
      waiter: new Waiter<void>(`${count} clients`, options, () => void this.#counts.delete(entry)),
    };
    if (!entry.waiter.settled) this.#counts.add(entry);
    return entry.waiter.promise;
  }

  [joined](peer: Peer<App>): void {
    this.push(peer);
    this.#byId.set(peer.id, peer);
    this[moved](peer);
    for (const entry of this.#counts) {
      if (this.length < entry.wanted) continue;
      this.#counts.delete(entry);
      entry.waiter.resolve();
    }
  }

  /** It has another address, because it came back over a new link. */
  [moved](peer: Peer<App>): void {
    this.#forgetAddress(peer);
    const address = String(peer.address);
    this.#addresses.set(peer, address);
    this.#byAddress.set(address, peer);
  }

  [left](peer: Peer<App>): void {
    const index = this.indexOf(peer);
    if (index >= 0) this.splice(index, 1);
    this.#byId.delete(peer.id);
    this.#forgetAddress(peer);
  }

  /** No more will come: whoever waits for them hears why. */
  [closed](reason: unknown): void {
    for (const { waiter } of this.#counts) waiter.reject(reason);
    this.#counts.clear();
  }

  #forgetAddress(peer: Peer<App>): void {
    const address = this.#addresses.get(peer);
    this.#addresses.delete(peer);
    // Another client may have got the port of one that is away.
    if (address !== undefined && this.#byAddress.get(address) === peer) this.#byAddress.delete(address);
  }
}
