import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { ConnectorError, failure } from "../../core/errors.ts";
import { Waiter, type WaitOptions } from "../../core/waiting.ts";
import { addressOf, hostAndPort, isLoopback } from "../address.ts";
import type { FindKey, LinkKey } from "../link-key.ts";
import { nextLinkNumber } from "../link-number.ts";
import type { Address, Link } from "../transport.ts";
import { isSafeFolder, makeRunFolder } from "./run-folder.ts";
import { SocketLink } from "./socket-link.ts";
import { listenAtPath } from "./unix-path.ts";
import {
  answerLength,
  checkAnswer,
  decodeOpening,
  elsewhere,
  encodeAnswer,
  encodeOpening,
  encodeProof,
  isProof,
  openingLength,
  PROOF_BYTES,
  readMessage,
} from "./unix-proof.ts";
import { type OnRefused, type WaitingLimits, type WaitingLink, WaitingLinks } from "./waiting-links.ts";

/**
 * Unix sockets have no addresses, and peers are known by theirs: both sides are called 127.0.0.1, the server's with the
 * port of its TCP, the client's with the number of the link, which no TCP link can have.
 */
const HOST = "127.0.0.1";

export interface UnixListenOptions {
  readonly path: string;
  /** Where the same server listens over TCP. */
  readonly address: Address;
  /** Whether it listens there at every address of the machine. */
  readonly isEvery: boolean;
  readonly findKey: FindKey;
  readonly limits: WaitingLimits;
  onLink(link: Link): void;
  readonly onRefused: OnRefused;
}

/**
 * Listens at a Unix socket as well. Throws `CNR_ERR_RUN_FOLDER` where others may use the folder or nothing can be made in it.
 *
 * @returns what closes it; undefined where another server has the path
 */
export async function listenUnix(options: UnixListenOptions): Promise<(() => void) | undefined> {
  const { path, limits, onRefused } = options;
  makeRunFolder(dirname(path));
  const waiting = new WaitingLinks(limits, onRefused);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const number = nextLinkNumber();
    const link = waiting.admit(socket, HOST, number);
    if (link) new Acceptance(options, link, number).begin();
  });
  const remove = await listenAtPath(server, path).catch((error: NodeJS.ErrnoException) => {
    const reason = `nothing can be made in it (${error.code ?? error.message})`;
    throw failure("CNR_ERR_RUN_FOLDER", { path: dirname(path), reason }, error);
  });
  server.on("error", () => {});
  if (!remove) return undefined;
  return () => {
    remove();
    waiting.close();
    server.close();
  };
}

/** The server's side of one proof. */
class Acceptance {
  readonly #options: UnixListenOptions;
  readonly #waiting: WaitingLink;
  readonly #number: number;

  constructor(options: UnixListenOptions, waiting: WaitingLink, number: number) {
    this.#options = options;
    this.#waiting = waiting;
    this.#number = number;
  }

  begin(): void {
    this.#read(openingLength, (opening) => this.#answer(opening));
  }

  #answer(opening: Buffer): void {
    const { socket } = this.#waiting;
    const { id, host, network } = decodeOpening(opening);
    if (network !== networkName() || !this.#isMeant(host)) {
      this.#waiting.leave();
      socket.end(elsewhere, () => socket.destroy());
      return;
    }
    // Whether the key is known does not show: an unknown one takes the same way, with a secret that nobody has.
    const secret = this.#options.findKey(id)?.key.unixAuth ?? randomBytes(32);
    const answer = encodeAnswer(opening, secret, this.#number);
    socket.write(answer);
    this.#read(
      () => PROOF_BYTES,
      (proof) => this.#judge(id, isProof(proof, opening, answer, secret)),
    );
  }

  #judge(id: string, isProved: boolean): void {
    const { address, socket } = this.#waiting;
    const named = this.#options.findKey(id);
    if (!named) return this.#waiting.refuse(failure("CNR_ERR_UNKNOWN_KEY", { address, id: printable(id) }));
    if (!isProved) return this.#waiting.refuse(failure("CNR_ERR_WRONG_KEY", { address, id }));
    this.#waiting.leave();
    const [localAddress, remoteAddress] = [this.#options.address.port, this.#number].map((port) =>
      addressOf(HOST, port),
    ) as [Address, Address];
    this.#options.onLink(new SocketLink(socket, { keyName: named.name, localAddress, remoteAddress }));
  }

  #read(lengthOf: (head: Buffer) => number | undefined, onMessage: (message: Buffer) => void): void {
    readMessage(this.#waiting.socket, lengthOf, onMessage, (error) =>
      this.#waiting.refuse(error as ConnectorError),
    );
  }

  #isMeant(host: string): boolean {
    const { address, isEvery } = this.#options;
    return isEvery || host === address.host || (host === "localhost" && isLoopback(address.host));
  }
}

/** Whether a host is this machine, as far as can be told without asking anybody. */
export function isThisMachine(host: string): boolean {
  if (isLoopback(host)) return true;
  return Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === host));
}

/**
 * Dials the Unix socket of a server of this machine. Rejects with `CNR_ERR_WRONG_KEY`, and as `options` say.
 *
 * @returns undefined where there is none, or it is not safe, or not the server's: TLS is the way then
 */
export function dialUnix(
  path: string,
  { host, port }: { readonly host: string; readonly port: number },
  key: LinkKey,
  options: WaitOptions | undefined,
): Promise<Link | undefined> {
  if (!isSafeFolder(dirname(path))) return Promise.resolve(undefined);
  const address = hostAndPort(host, port);
  const socket = connect(path);
  const waiter = new Waiter<Link | undefined>(`connect to ${address}`, options, () => socket.destroy());
  if (waiter.settled) socket.destroy();
  const giveUp = (error: unknown): void => {
    const isWrong = ConnectorError.is(error) && error.code === "CNR_ERR_WRONG_KEY";
    if (isWrong) waiter.reject(error);
    else waiter.resolve(undefined);
    // A proof of nothing: the server learns that its own was not good, and says so to its user.
    if (isWrong) socket.end(Buffer.alloc(PROOF_BYTES), () => socket.destroy());
    else socket.destroy();
  };
  socket.on("error", giveUp);
  socket.once("close", giveUp);
  const opening = encodeOpening({ id: key.id, host, network: networkName() });
  socket.write(opening);
  const onAnswer = (answer: Buffer): void => {
    const number = checkAnswer(opening, answer, key.unixAuth, { address, id: key.id });
    if (number === undefined) return giveUp(undefined);
    socket.write(encodeProof(opening, answer, key.unixAuth));
    socket.off("close", giveUp);
    const [localAddress, remoteAddress] = [addressOf(HOST, number), addressOf(HOST, port)];
    const link = new SocketLink(socket, { keyName: key.id, localAddress, remoteAddress });
    if (!waiter.resolve(link)) socket.destroy();
  };
  readMessage(socket, answerLength, onAnswer, giveUp);
  return waiter.promise;
}

/** The network namespace of this process, where the system has such: two of them have nothing in common. */
export function networkName(): string {
  try {
    return readlinkSync("/proc/self/ns/net");
  } catch {
    return "";
  }
}

function printable(id: string): string {
  return /^[\w-]{1,64}$/.test(id) ? id : "(no id)";
}
