import { memoryLinkPair } from "../../src/transport/memory-link.ts";
import { listenTcp, tcpDialer } from "../../src/transport/node/tcp.ts";
import { tlsDialer } from "../../src/transport/node/tls-psk.ts";
import { dialled, secured, suiteKey } from "./dialled-links.ts";
import { linkConformance } from "./link-suite.ts";

linkConformance("memory", async () => ({ links: memoryLinkPair(), dispose: async () => {} }));
linkConformance("TCP", () => dialled(tcpDialer, (onLink) => listenTcp("127.0.0.1", 0, onLink)));
linkConformance("TLS", () => dialled(tlsDialer(suiteKey), secured("127.0.0.1", false)), { withKey: true });
