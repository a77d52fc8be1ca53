import type { WaitOptions } from "../core/waiting.ts";
import type { Target } from "../transport/address.ts";
import type { Link } from "../transport/transport.ts";

/** What `connect` may be given besides a host: a URL, `"host:port"`, an address, or what leads to another thread. */
export type Where<Port extends object = never> = string | Target | Port;

/** Where a client connects to, and how: the first time, and each time a link is lost. */
export interface Destination {
  /** For people, without a key in it. */
  readonly text: string;
  /** The same for two ways to say one place. */
  readonly place: unknown;
  dial(wait: WaitOptions): Promise<Link>;
}

export function isSame(a: Destination | undefined, b: Destination): boolean {
  return a?.place === b.place;
}
