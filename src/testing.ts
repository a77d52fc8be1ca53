/** For tests of programs that use Connector, and of Connector itself: a link without a network. */
export { memoryLinkPair } from "./transport/memory-link.ts";
export type { Dialer, Link, LinkHandler, Listener } from "./transport/transport.ts";
