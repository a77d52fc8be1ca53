import type { Limits } from "../core/limits.ts";
import type { Key } from "../security/key.ts";
import type { NamedKey } from "../security/key-ring.ts";
import { type Grants, generalGrants } from "../security/policy.ts";
import type { HeartbeatOptions } from "../session/heartbeat.ts";

/** What servers and clients have in common. */
export interface EndpointOptions {
  /** What strangers may not exceed: see docs/LIMITS.md. */
  readonly limits?: Partial<Limits>;
  /** When a silent link is asked, and when it is given up. */
  readonly heartbeat?: HeartbeatOptions;
  /**
   * The secret that both sides share; left out, it is looked for as docs/SECURITY.md says. False: no proof and no encryption,
   * on this machine only, with nothing granted but `data` and `call`.
   */
  readonly key?: string | Key | false | undefined;
  /** With `key: false`, also other machines: whoever is on the network may read, change and use it all. Default false. */
  readonly insecure?: boolean | undefined;
  /** What the other side may do here; all of it unless told otherwise. */
  readonly allow?: Partial<Grants>;
}

/** What a server takes besides. */
export interface ServerKeyOptions {
  /** Further keys by name, each with what its holders may do; what its `allow` does not name is not granted. */
  readonly keys?: Readonly<Record<string, NamedKey>> | undefined;
}

/** What the options grant to the holder of the main key, or to anybody where there is none. Throws a `TypeError` for what is no grant. */
export function grantsOf({ key, allow }: Pick<EndpointOptions, "key" | "allow">): Grants {
  return generalGrants(allow, key === false);
}

export type { Exposable, FunctionGroup } from "../rpc/exposed-functions.ts";
export { ExposedFunctions } from "../rpc/exposed-functions.ts";
export type { Grants };
