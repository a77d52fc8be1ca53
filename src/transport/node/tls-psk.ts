import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { type ConnectorError, failure } from "../../core/errors.ts";
import type { Waiter } from "../../core/waiting.ts";
import { hostAndPort } from "../address.ts";
import type { FindKey, LinkKey } from "../link-key.ts";
import type { Dialer, Link } from "../transport.ts";
import { SocketLink } from "./socket-link.ts";
import { dialTcp } from "./tcp.ts";
import { acceptedFailure, certificateInstead, dialledFailure, otherProtocol } from "./tls-failure.ts";

const PROTOCOL = "connector/1";
/** Before the key's id in the identity that a client names: which form of key it means. */
const IDENTITY_PREFIX = "c1.";
/**
 * Node hands pre-shared keys to OpenSSL in its old way, which knows only suites with SHA-256. AES first, for the
 * processors that have it built in; most others are faster with ChaCha20.
 */
const TLS_OPTIONS = {
  minVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
  ALPNProtocols: [PROTOCOL],
} as const;

/** Dials over TLS 1.3. Both sides prove that they have the key, and there are no certificates. */
export function tlsDialer(key: LinkKey): Dialer {
  return {
    dial: (host, port, options) =>
      dialTcp(host, port, options, (socket, waiter) => proveTo(socket, key, hostAndPort(host, port), waiter)),
  };
}

function proveTo(socket: Socket, key: LinkKey, address: string, waiter: Waiter<Link>): void {
  // A TLS client offers its key and takes a certificate as well: a man in the middle with a certificate that some
  // authority has signed would only have to ignore the key. So no authority is trusted, and none of its certificates.
  const secure = connect({
    ...TLS_OPTIONS,
    socket,
    ca: [],
    rejectUnauthorized: true,
    checkServerIdentity: () => certificateInstead(address),
    pskCallback: () => ({ identity: IDENTITY_PREFIX + key.id, psk: key.tlsPsk }),
  });
  const refuse = (error: Error): void => {
    waiter.reject(dialledFailure(error, address, key.id));
    secure.destroy();
  };
  socket.on("error", refuse);
  secure.on("error", refuse);
  secure.once("secureConnect", () => {
    const { alpnProtocol } = secure;
    if (!isByKeyAlone(secure)) return refuse(certificateInstead(address));
    if (alpnProtocol !== PROTOCOL) return refuse(otherProtocol(address, String(alpnProtocol || "none")));
    if (!waiter.resolve(new SocketLink(secure, { keyName: key.id }))) secure.destroy();
  });
}

/** A handshake by pre-shared key counts as the resumption of a session, and nobody has shown a certificate in it. */
function isByKeyAlone(socket: TLSSocket): boolean {
  return socket.isSessionReused() && !socket.getPeerCertificate()?.raw;
}

interface Handshake {
  readonly address: string;
  readonly onEnd: (outcome: Link | ConnectorError) => void;
  /** The id of the key that the other side has named. */
  offered: string | undefined;
}

/** Turns accepted sockets into links whose other side has proved a key. */
export class TlsAcceptor {
  readonly #findKey: FindKey;
  readonly #server: Server;
  /** By the address of the other side: a TLS socket does not tell of which socket it was made. */
  readonly #handshakes = new Map<string, Handshake>();

  constructor(findKey: FindKey, handshakeMs: number) {
    this.#findKey = findKey;
    this.#server = createServer({
      ...TLS_OPTIONS,
      honorCipherOrder: true,
      // A ticket would let its holder in without the key, also after the key was revoked.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: handshakeMs,
      pskCallback: (socket, identity) => this.#pskOf(socket, identity),
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) => this.#failed(error, socket));
  }

  /**
   * Starts the handshake on a socket, paused, of which nothing was consumed.
   *
   * @param onEnd - called at most once; not when the socket closes before
   */
  accept(socket: Socket, address: string, onEnd: Handshake["onEnd"]): void {
    const name = endsOf(socket);
    const handshake: Handshake = { address, onEnd, offered: undefined };
    this.#handshakes.set(name, handshake);
    socket.once("close", () => {
      if (this.#handshakes.get(name) === handshake) this.#handshakes.delete(name);
    });
    this.#server.emit("connection", socket);
  }

  #pskOf(socket: TLSSocket, identity: string): Uint8Array | null {
    const handshake = this.#handshakes.get(endsOf(socket));
    const id = /^c1\.([\w-]{1,64})$/.exec(identity)?.[1];
    if (!handshake || id === undefined) return null;
    handshake.offered = id;
    return this.#findKey(id)?.key.tlsPsk ?? null;
  }

  #secured(socket: TLSSocket): void {
    const handshake = this.#take(socket);
    if (!handshake) return void socket.destroy();
    const { address, offered, onEnd } = handshake;
    // Looked up again: it may have been revoked since the handshake began.
    const named = offered === undefined ? undefined : this.#findKey(offered);
    if (named && isByKeyAlone(socket) && socket.alpnProtocol === PROTOCOL)
      return onEnd(new SocketLink(socket, { keyName: named.name }));
    socket.on("error", () => {});
    socket.destroy();
    if (named) onEnd(otherProtocol(address, String(socket.alpnProtocol || "none")));
    else onEnd(failure("CNR_ERR_UNKNOWN_KEY", { address, id: offered }));
  }

  #failed(error: Error, socket: TLSSocket): void {
    socket.destroy();
    const handshake = this.#take(socket);
    handshake?.onEnd(acceptedFailure(error, handshake.address, handshake.offered));
  }

  #take(socket: TLSSocket): Handshake | undefined {
    const name = endsOf(socket);
    const handshake = this.#handshakes.get(name);
    this.#handshakes.delete(name);
    return handshake;
  }
}

function endsOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}
