import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { failure } from "../../core/errors.ts";

/**
 * How two programs of one machine prove to each other that they have the same key, over a socket that nobody else can
 * listen to. The server proves it first, so that a client tells a stranger nothing but its key's id:
 *
 *     client  1 | id | host | network | nonce
 *     server  1 | number | nonce | HMAC("server", opening | number | nonce)      or  0: another server is meant
 *     client  HMAC("client", opening | answer)
 */
const VERSION = 1;
const ELSEWHERE = 0;
const NONCE_BYTES = 32;
const MAC_BYTES = 32;
const NUMBER_BYTES = 4;
const ANSWER_BYTES = 1 + NUMBER_BYTES + NONCE_BYTES + MAC_BYTES;
export const PROOF_BYTES: number = MAC_BYTES;

export interface Opening {
  /** The client's key. */
  readonly id: string;
  /** What was dialled: a machine may have several servers at one port, each at an address of its own. */
  readonly host: string;
  /** The network that the client is in: containers may share a folder and still not be one machine. */
  readonly network: string;
}

export function encodeOpening({ id, host, network }: Opening): Buffer {
  const parts = [id, host, network].map((text) => Buffer.from(text).subarray(0, 255));
  return Buffer.concat([
    Buffer.of(VERSION),
    ...parts.flatMap((part) => [Buffer.of(part.length), part]),
    randomBytes(NONCE_BYTES),
  ]);
}

/** The length of the opening that begins so; undefined while it cannot be told. Throws for what is none. */
export function openingLength(head: Buffer): number | undefined {
  if (head.length > 0 && head[0] !== VERSION) throw malformed(head);
  let at = 1;
  for (let field = 0; field < 3; field++) {
    const length = head[at];
    if (length === undefined) return undefined;
    at += 1 + length;
  }
  return at + NONCE_BYTES;
}

export function decodeOpening(opening: Buffer): Opening {
  let at = 1;
  const text = (): string => {
    const start = at + 1;
    at = start + (opening[at] as number);
    return opening.toString("utf8", start, at);
  };
  return { id: text(), host: text(), network: text() };
}

/** To a client that looks for another server. */
export const elsewhere: Uint8Array = Uint8Array.of(ELSEWHERE);

/** The server's proof, and the number by which both know the link. */
export function encodeAnswer(opening: Buffer, secret: Uint8Array, number: number): Buffer {
  const answer = Buffer.concat([Buffer.alloc(1 + NUMBER_BYTES, VERSION), randomBytes(NONCE_BYTES)]);
  answer.writeUInt32BE(number, 1);
  return Buffer.concat([answer, mac("server", secret, opening, answer)]);
}

export function answerLength(head: Buffer): number | undefined {
  if (head[0] === ELSEWHERE) return 1;
  if (head.length > 0 && head[0] !== VERSION) throw malformed(head);
  return ANSWER_BYTES;
}

/** The number of the link; undefined where another server is meant. Throws `CNR_ERR_WRONG_KEY` for a false proof. */
export function checkAnswer(
  opening: Buffer,
  answer: Buffer,
  secret: Uint8Array,
  details: Readonly<Record<string, unknown>>,
): number | undefined {
  if (answer.length === 1) return undefined;
  const said = answer.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(answer.subarray(-MAC_BYTES), mac("server", secret, opening, said)))
    throw failure("CNR_ERR_WRONG_KEY", details);
  return answer.readUInt32BE(1);
}

/** The client's proof. */
export function encodeProof(opening: Buffer, answer: Buffer, secret: Uint8Array): Buffer {
  return mac("client", secret, opening, answer);
}

export function isProof(proof: Buffer, opening: Buffer, answer: Buffer, secret: Uint8Array): boolean {
  return timingSafeEqual(proof, mac("client", secret, opening, answer));
}

/**
 * Calls back with the next message of a socket; what comes behind it stays unread, and the socket stands still.
 *
 * @param lengthOf - of the message that begins so; may throw
 * @param onStrange - hears what it has thrown
 */
export function readMessage(
  socket: Socket,
  lengthOf: (head: Buffer) => number | undefined,
  onMessage: (message: Buffer) => void,
  onStrange: (error: unknown) => void,
): void {
  let head: Buffer | undefined;
  const listener = (bytes: Buffer): void => {
    head = head ? Buffer.concat([head, bytes]) : bytes;
    try {
      const length = lengthOf(head);
      if (length === undefined || head.length < length) return;
      socket.off("data", listener);
      socket.pause();
      if (head.length > length) socket.unshift(head.subarray(length));
      onMessage(head.subarray(0, length));
    } catch (error) {
      socket.off("data", listener);
      onStrange(error);
    }
  };
  socket.on("data", listener);
  socket.resume();
}

function mac(role: "server" | "client", secret: Uint8Array, ...parts: readonly Buffer[]): Buffer {
  const hmac = createHmac("sha256", secret).update(`connector/1 unix ${role}\0`);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function malformed(head: Buffer): Error {
  const answer = JSON.stringify(head.toString("latin1", 0, 24).replace(/[^\x20-\x7e]+/g, "."));
  return failure("CNR_ERR_NOT_CONNECTOR", { address: "a Unix socket", answer });
}
