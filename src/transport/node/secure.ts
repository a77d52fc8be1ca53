import type { LinkKey } from "../link-key.ts";
import type { Dialer, Listener } from "../transport.ts";
import { OnePort, type OnePortOptions } from "./one-port.ts";
import { acceptTcp } from "./tcp.ts";
import { tlsDialer } from "./tls-psk.ts";

export interface ListenOptions extends OnePortOptions {
  /** One address of this machine; undefined listens on every interface. */
  readonly host: string | undefined;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Listens for links that prove a key, and for HTTP, on one port. */
export async function listenSecure(options: ListenOptions): Promise<Listener> {
  const port = new OnePort(options);
  const listener = await acceptTcp(options.host, options.port, (socket) => port.accept(socket));
  return {
    address: listener.address,
    close: () => {
      port.close();
      return listener.close();
    },
  };
}

export function dialSecure(key: LinkKey): Dialer {
  return tlsDialer(key);
}
