import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { afterAll, expect } from "vitest";
import { secureDialer } from "../../src/transport/node/secure.ts";
import { dialPort, listenOnPort } from "../../src/transport/node/worker-port.ts";
import type { Link } from "../../src/transport/transport.ts";
import { dialled, secured, suiteKey } from "./dialled-links.ts";
import { type LinkPair, linkConformance } from "./link-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "links-"));
afterAll(() => rmSync(folder, { recursive: true }));

const overUnixSocket = async (): Promise<LinkPair> => {
  const dialer = secureDialer(suiteKey, { runFolder: folder });
  const pair = await dialled(dialer, secured("127.0.0.1", folder));
  // Above all ports: else it came over TLS, and this would prove nothing.
  expect(pair.links[0].localAddress.port).toBeGreaterThan(65_535);
  return pair;
};

linkConformance("Unix socket", overUnixSocket, { withKey: true });

linkConformance("MessagePort", async () => {
  const { port1, port2 } = new MessageChannel();
  const accepted = new Promise<Link>((resolve) => void listenOnPort(port1, resolve));
  const link = await dialPort(port2);
  return { links: [link, await accepted], dispose: async () => port1.close() };
});
