import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { memoryLinkPair } from "../../src/transport/memory-link.ts";
import { listenSecure, secureDialer } from "../../src/transport/node/secure.ts";
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
const folder = mkdtempSync(join(tmpdir(), "links-"));
const [findKey, limits] = [findAmong({ main: key }), DEFAULT_LIMITS];
const secured =
  (runFolder: string | false): Listen =>
  (onLink) =>
    listenSecure({ host: "127.0.0.1", port: 0, findKey, limits, onLink, onRefused() {}, runFolder });

afterAll(() => rmSync(folder, { recursive: true }));

linkConformance("memory", async () => ({ links: memoryLinkPair(), dispose: async () => {} }));
linkConformance("TCP", () => dialled(tcpDialer, (onLink) => listenTcp("127.0.0.1", 0, onLink)));
linkConformance("TLS", () => dialled(tlsDialer(key), secured(false)));
linkConformance("Unix socket", async () => {
  const pair = await dialled(secureDialer(key, { runFolder: folder }), secured(folder));
  // Above all ports: else it came over TLS, and this would prove nothing.
  expect(pair.links[0].localAddress.port).toBeGreaterThan(65_535);
  return pair;
});
