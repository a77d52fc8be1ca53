import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { type ConnectorError, failure } from "../../core/errors.ts";
import { Waiter, type WaitOptions } from "../../core/waiting.ts";
import { addressOf, hostAndPort } from "../address.ts";
import type { Dialer, Link, Listener } from "../transport.ts";
import { KEEP_ALIVE_MS, SocketLink } from "./socket-link.ts";

const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS } as const;

/** Dials over TCP, without a key. */
export const tcpDialer: Dialer = {
  dial(host: string, port: number, options?: WaitOptions): Promise<Link> {
    return dialTcp(host, port, options, (socket, waiter) => {
      if (!waiter.resolve(new SocketLink(socket))) socket.destroy();
    });
  },
};

/**
 * Opens a TCP connection.
 *
 * @param onConnect - makes a link of the socket, or rejects the waiter; the socket is destroyed when the wait is given up
 */
export function dialTcp(
  host: string,
  port: number,
  options: WaitOptions | undefined,
  onConnect: (socket: Socket, waiter: Waiter<Link>) => void,
): Promise<Link> {
  const socket = connect({ host, port, ...SOCKET_OPTIONS });
  const waiter = new Waiter<Link>(`connect to ${hostAndPort(host, port)}`, options, () => socket.destroy());
  if (waiter.settled) {
    socket.destroy();
    return waiter.promise;
  }
  const onError = (error: Error): void => void waiter.reject(dialFailure(error, host, port));
  socket.once("error", onError);
  socket.once("connect", () => {
    socket.off("error", onError);
    onConnect(socket, waiter);
  });
  return waiter.promise;
}

function dialFailure(error: NodeJS.ErrnoException, host: string, port: number): ConnectorError {
  const address = hostAndPort(host, port);
  if (error.code === "ECONNREFUSED") return failure("CNR_ERR_REFUSED", { address, host, port }, error);
  if (isUnknownHost(error)) return failure("CNR_ERR_HOST_UNKNOWN", { host }, error);
  return failure("CNR_ERR_UNREACHABLE", { address, reason: error.code ?? error.message }, error);
}

/**
 * Listens over TCP, without a key.
 *
 * @param host - one address of this machine; undefined listens on every interface
 * @param port - 0 takes a free one
 */
export function listenTcp(
  host: string | undefined,
  port: number,
  onLink: (link: Link) => void,
): Promise<Listener> {
  return acceptTcp(host, port, (socket) => onLink(new SocketLink(socket)));
}

/** The same for those who make something else of a socket. */
export async function acceptTcp(
  host: string | undefined,
  port: number,
  onSocket: (socket: Socket) => void,
): Promise<Listener> {
  const server = createServer(SOCKET_OPTIONS, (socket: Socket) => {
    // Nobody listens to errors of a socket that was reset before it was accepted.
    socket.on("error", () => {});
    if (socket.remoteAddress !== undefined) onSocket(socket);
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
