import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { listenSecure } from "../../src/transport/node/secure.ts";
import type { Dialer, Link, Listener } from "../../src/transport/transport.ts";
import { findAmong, newLinkKey } from "../fixtures/link-keys.ts";
import type { LinkPair } from "./link-suite.ts";

export type Listen = (onLink: (link: Link) => void) => Promise<Listener>;

/** The key of all links of the suites. */
export const suiteKey = newLinkKey();

/** The two ends of a link that was dialled and accepted. */
export async function dialled(dialer: Dialer, listen: Listen): Promise<LinkPair> {
  let accepted: (link: Link) => void = () => {};
  const other = new Promise<Link>((resolve) => {
    accepted = resolve;
  });
  const listener = await listen((link) => accepted(link));
  const { host, port } = listener.address;
  const link = await dialer.dial(host, port);
  return { links: [link, await other], dispose: () => listener.close() };
}

/** Listens with the key of the suites. */
export function secured(host: string, runFolder: string | false): Listen {
  const [findKey, limits] = [findAmong({ main: suiteKey }), DEFAULT_LIMITS];
  return (onLink) => listenSecure({ host, port: 0, findKey, limits, onLink, onRefused() {}, runFolder });
}
