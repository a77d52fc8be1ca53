import { MessagePort } from "node:worker_threads";
import { failure } from "../../core/errors.ts";
import type { EndpointOptions } from "../../endpoint/options.ts";
import { deriveKeys } from "../../security/node/derived-keys.ts";
import { findKey } from "../../security/node/find-key.ts";
import { hostAndPort, isLoopback, type Target, targetOf } from "../../transport/address.ts";
import { secureDialer } from "../../transport/node/secure.ts";
import { tcpDialer } from "../../transport/node/tcp.ts";
import { isThisMachine } from "../../transport/node/unix-socket.ts";
import { dialPort } from "../../transport/node/worker-port.ts";
import type { Dialer } from "../../transport/transport.ts";
import type { Destination, Where } from "../destination.ts";

type KeyOptions = Pick<EndpointOptions, "key" | "insecure">;

/**
 * Finds out how to get there, and with which key.
 *
 * Throws `CNR_ERR_BAD_ADDRESS`, and what `findKey` throws.
 */
export function nodeDestination(
  where: Where<MessagePort>,
  port: number | undefined,
  options: KeyOptions,
): Destination {
  if (where instanceof MessagePort) {
    return { text: "the other thread", place: where, dial: (wait) => dialPort(where, wait) };
  }
  const target = targetOf(where, port);
  const url = typeof where === "string" && port === undefined ? where : undefined;
  const text = hostAndPort(target.host, target.port);
  const dialer = dialerFor(target, url, options);
  return { text, place: text, dial: (wait) => dialer.dial(target.host, target.port, wait) };
}

function dialerFor({ host }: Target, url: string | undefined, options: KeyOptions): Dialer {
  const key = findKey({ key: options.key, url, mayCreate: isThisMachine(host) });
  if (key) return secureDialer(deriveKeys(key));
  return options.insecure ? tcpDialer : loopbackDialer;
}

const loopbackDialer: Dialer = {
  async dial(host, port, wait) {
    // An address that is plainly not here is refused before a byte leaves; a name is judged by what it leads to.
    if (/^[\d.]+$|:/.test(host) && !isLoopback(host)) throw failure("CNR_ERR_LOOPBACK_ONLY", { host });
    const link = await tcpDialer.dial(host, port, wait);
    if (isLoopback(link.remoteAddress.host)) return link;
    link.abort();
    throw failure("CNR_ERR_LOOPBACK_ONLY", { host });
  },
};
