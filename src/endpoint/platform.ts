import type { CodeHost } from "../rpc/code-host.ts";

/** What Node and browsers do each in their way. */
export interface Platform extends CodeHost {
  /** Calls `listener` once when somebody asks this program to end (Ctrl-C, SIGTERM), instead of ending it. */
  onTermination(listener: () => void): Disposable;
}
