import type { Limits } from "../core/limits.ts";
import type { Grants } from "../rpc/code-host.ts";
import type { HeartbeatOptions } from "../session/heartbeat.ts";

/** What servers and clients have in common. */
export interface EndpointOptions {
  /** What strangers may not exceed: see docs/LIMITS.md. */
  readonly limits?: Partial<Limits>;
  /** When a silent link is asked, and when it is given up. */
  readonly heartbeat?: HeartbeatOptions;
  /** What the other side may do here; all of it unless told otherwise. */
  readonly allow?: Partial<Grants>;
}

export function withGrants(allow: Partial<Grants> = {}): Grants {
  return { call: true, code: true, ...allow };
}

export type { Exposable, FunctionGroup } from "../rpc/exposed-functions.ts";
export { ExposedFunctions } from "../rpc/exposed-functions.ts";
export type { Grants };
