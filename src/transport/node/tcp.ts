import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { type ConnectorError, failure } from "../../core/errors.ts";
import { Waiter, type WaitOptions } from "../../core/waiting.ts";
import { addressOf, hostAndPort } from "../address.ts";
import type { Dialer, Link, Listener } from "../transport.ts";
import { TcpLink } from "./tcp-link.ts";

/** Dials over TCP. */
export const tcpDialer: Dialer = {
  dial(host: string, port: number, options?: WaitOptions): Promise<Link> {
    const socket = connect({ host, port, noDelay: true });
    const waiter = new Waiter<Link>(`connect to ${hostAndPort(host, port)}`, options, () => socket.destroy());
    if (waiter.settled) {
      socket.destroy();
      return waiter.promise;
    }
    const onError = (error: Error): void => void waiter.reject(dialFailure(error, host, port));
    socket.once("error", onError);
    socket.once("connect", () => {
      socket.off("error", onError);
      if (!waiter.resolve(new TcpLink(socket))) socket.destroy();
    });
    return waiter.promise;
  },
};

function dialFailure(error: NodeJS.ErrnoException, host: string, port: number): ConnectorError {
  const address = hostAndPort(host, port);
  if (error.code === "ECONNREFUSED") return failure("CNR_ERR_REFUSED", { address, host, port }, error);
  if (isUnknownHost(error)) return failure("CNR_ERR_HOST_UNKNOWN", { host }, error);
  return failure("CNR_ERR_UNREACHABLE", { address, reason: error.code ?? error.message }, error);
}

/**
 * Listens over TCP.
 *
 * @param host - one address of this machine; undefined listens on every interface
 * @param port - 0 takes a free one
 */
export async function listenTcp(
  host: string | undefined,
  port: number,
  onLink: (link: Link) => void,
): Promise<Listener> {
  const server = createServer({ noDelay: true }, (socket: Socket) => {
    // Nobody listens to errors of a socket that was reset before it was accepted.
    socket.on("error", () => {});
    if (socket.remoteAddress !== undefined) onLink(new TcpLink(socket));
    else socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenFailure(error, host ?? "0.0.0.0", port)));
    server.listen({ port, ...(host === undefined ? {} : { host }), backlog: 1024 }, resolve);
  });
  // An accept that fails (too many open files) concerns that one caller only.
  server.on("error", () => {});
  return new TcpListener(server);
}

function isUnknownHost(error: NodeJS.ErrnoException): boolean {
  return error.code === "ENOTFOUND" || error.code === "EAI_AGAIN";
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): ConnectorError {
  if (error.code === "EADDRINUSE") return failure("CNR_ERR_ADDRESS_IN_USE", { host, port }, error);
  if (isUnknownHost(error)) return failure("CNR_ERR_HOST_UNKNOWN", { host }, error);
  return failure("CNR_ERR_ADDRESS_UNAVAILABLE", { host, port, reason: error.code ?? error.message }, error);
}

class TcpListener implements Listener {
  readonly #server: Server;
  readonly address: Listener["address"];

  constructor(server: Server) {
    this.#server = server;
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new TypeError("a TCP server has an address");
    const isEvery = bound.address === "::" || bound.address === "0.0.0.0";
    this.address = isEvery
      ? addressOf(firstExternalAddress() ?? "127.0.0.1", bound.port, "IPv4")
      : addressOf(bound.address, bound.port, bound.family);
  }

  close(): Promise<void> {
    // Links that were accepted live on, so the server's own close event may be far away; the port is free at once.
    return new Promise((resolve) => {
      this.#server.close();
      setImmediate(resolve);
    });
  }
}

function firstExternalAddress(): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const each of addresses ?? []) if (each.family === "IPv4" && !each.internal) return each.address;
  }
  return undefined;
}
