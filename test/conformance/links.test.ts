import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { memoryLinkPair } from "../../src/transport/memory-link.ts";
import { listenSecure } from "../../src/transport/node/secure.ts";
import { listenTcp, tcpDialer } from "../../src/transport/node/tcp.ts";
import { tlsDialer } from "../../src/transport/node/tls-psk.ts";
import type { Dialer, Link, Listener } from "../../src/transport/transport.ts";
import { findAmong, newLinkKey } from "../fixtures/link-keys.ts";
import { type LinkPair, linkConformance } from "./link-suite.ts";

type Listen = (onLink: (link: Link) => void) => Promise<Listener>;

/** The two ends of a link that was dialled and accepted. */
async function dialled(dialer: Dialer, listen: Listen): Promise<LinkPair> {
  let accepted: (link: Link) => void = () => {};
  const other = new Promise<Link>((resolve) => {
    accepted = resolve;
  });
  const listener = await listen((link) => accepted(link));
  const { host, port } = listener.address;
  const link = await dialer.dial(host, port);
  return { links: [link, await other], dispose: () => listener.close() };
}

const key = newLinkKey();
const secured =
  (host: string, findKey = findAmong({ main: key })): Listen =>
  (onLink) =>
    listenSecure({ host, port: 0, findKey, limits: DEFAULT_LIMITS, onLink, onRefused() {} });

linkConformance("memory", async () => ({ links: memoryLinkPair(), dispose: async () => {} }));
linkConformance("TCP", () => dialled(tcpDialer, (onLink) => listenTcp("127.0.0.1", 0, onLink)));
linkConformance("TLS", () => dialled(tlsDialer(key), secured("127.0.0.1")));
