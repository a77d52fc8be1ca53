import { memoryLinkPair } from "../../../src/transport/memory-link.ts";
import { listenTcp, tcpDialer } from "../../../src/transport/node/tcp.ts";
import type { Link } from "../../../src/transport/transport.ts";
import { type LinkPair, linkConformance } from "../../conformance/link-suite.ts";

linkConformance("memory", async () => ({ links: memoryLinkPair(), dispose: async () => {} }));

linkConformance("TCP", async (): Promise<LinkPair> => {
  let accepted: (link: Link) => void = () => {};
  const other = new Promise<Link>((resolve) => {
    accepted = resolve;
  });
  const listener = await listenTcp("127.0.0.1", 0, accepted);
  const link = await tcpDialer.dial("127.0.0.1", listener.address.port);
  return { links: [link, await other], dispose: () => listener.close() };
});
