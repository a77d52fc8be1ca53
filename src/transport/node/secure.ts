import type { ConnectorError } from "../../core/errors.ts";
import type { LinkKey } from "../link-key.ts";
import type { Dialer, Listener } from "../transport.ts";
import { OnePort, type OnePortOptions } from "./one-port.ts";
import { defaultRunFolder, socketPathOf } from "./run-folder.ts";
import { acceptTcp } from "./tcp.ts";
import { tlsDialer } from "./tls-psk.ts";
import { dialUnix, isThisMachine, listenUnix } from "./unix-socket.ts";

export interface ListenOptions extends OnePortOptions {
  /** One address of this machine; undefined listens on every interface. */
  readonly host: string | undefined;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where the Unix socket is made; false makes none. Default: the user's own folder. */
  readonly runFolder?: string | false | undefined;
}

export interface DialOptions {
  /** Where Unix sockets are looked for; false looks for none. Default: the user's own folder. */
  readonly runFolder?: string | false | undefined;
}

/**
 * Listens for links that prove a key, and for HTTP, on one TCP port; and for links of this user on this machine at a Unix
 * socket. Where that cannot be made, `onRefused` hears why, and TLS serves all.
 *
 * Rejects with `CNR_ERR_ADDRESS_IN_USE`, `CNR_ERR_ADDRESS_UNAVAILABLE`, `CNR_ERR_HOST_UNKNOWN`.
 */
export async function listenSecure(options: ListenOptions): Promise<Listener> {
  const port = new OnePort(options);
  const listener = await acceptTcp(options.host, options.port, (socket) => port.accept(socket));
  const closeUnix = await listenLocally(options, listener.address);
  return {
    address: listener.address,
    close: () => {
      closeUnix?.();
      port.close();
      return listener.close();
    },
  };
}

async function listenLocally(
  options: ListenOptions,
  address: Listener["address"],
): Promise<(() => void) | undefined> {
  const { findKey, host, limits, onLink, onRefused, runFolder = defaultRunFolder() } = options;
  const path = runFolder && findKey && socketPathOf(runFolder, address.port);
  if (!path) return undefined;
  const isEvery = host === undefined || host === "0.0.0.0" || host === "::";
  try {
    return await listenUnix({ path, address, isEvery, findKey, limits, onLink, onRefused });
  } catch (error) {
    onRefused(error as ConnectorError, path);
    return undefined;
  }
}

/** Dials with a key: a server of this user on this machine by its Unix socket where it has one, all others by TLS. */
export function secureDialer(key: LinkKey, { runFolder = defaultRunFolder() }: DialOptions = {}): Dialer {
  const tls = tlsDialer(key);
  return {
    async dial(host, port, options) {
      const path = runFolder && isThisMachine(host) && socketPathOf(runFolder, port);
      const link = path ? await dialUnix(path, { host, port }, key, options) : undefined;
      return link ?? tls.dial(host, port, options);
    },
  };
}
