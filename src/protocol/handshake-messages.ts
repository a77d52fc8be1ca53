import { ByteReader, malformed } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { frameOf } from "./frame.ts";

/** Raised when an older program could misunderstand a newer one. */
export const PROTOCOL_VERSION = 1;
/** Opens HELLO and WELCOME: what listens here speaks Connector, not something else with an 8-byte header. */
const MAGIC = "connector";
const MAX_NAME_CHARACTERS = 256;

export interface Hello {
  readonly version: number;
  /** Chosen by the client, 16 random bytes that nobody else may know: who names them gets the session. */
  readonly sessionId: Uint8Array;
  /** The client has seen no WELCOME for this session: the server may not know it, and is to begin it. */
  readonly isFresh: boolean;
  /** Counts the HELLOs of a session: one that was held up on a dead link must not win over a newer one. */
  readonly attempt: number;
  /** Counted frames of this session that have come. */
  readonly receivedFrames: number;
  readonly name: string;
  readonly maxValueBytes: number;
  readonly maxDepth: number;
  readonly channelWindowBytes: number;
}

/** Why a server cannot go on with a session. */
export const LostReason = {
  /** It does not know the session: it was restarted, has closed it, or has waited for it long enough. */
  unknown: "unknown session",
  /** One side has dropped what the other lacks. */
  gap: "gap",
  /** The session was begun with another key. */
  otherKey: "other key",
} as const;

export interface Welcome {
  readonly version: number;
  /** New with every server process: tells a restart from a lost link. */
  readonly epoch: Uint8Array;
  /** The name of this client among the server's, for people and logs; no secret, as the session id is. */
  readonly peerId: string;
  /** Empty when the session begins or goes on; else why it cannot, and the client may say HELLO to a fresh one. */
  readonly lost: string;
  /** Counted frames of this session that have come. */
  readonly receivedFrames: number;
  readonly maxValueBytes: number;
  readonly maxDepth: number;
  readonly channelWindowBytes: number;
}

export interface Bye {
  /** Empty for an orderly close, else a code of the error table. */
  readonly code: string;
  readonly text: string;
}

export function encodeHello(hello: Hello): Uint8Array {
  const writer = opened(hello.version);
  writer.binary(hello.sessionId);
  writer.boolean(hello.isFresh);
  writer.uint(hello.attempt);
  writer.uint(hello.receivedFrames);
  writer.string(hello.name.slice(0, MAX_NAME_CHARACTERS));
  writer.uint(hello.maxValueBytes);
  writer.uint(hello.maxDepth);
  writer.uint(hello.channelWindowBytes);
  return written(writer);
}

/** Only the version is read of another version's HELLO: the rest may look different there. */
export function decodeHello(
  bytes: Uint8Array,
): Hello | { readonly version: number; readonly sessionId?: undefined } {
  const reader = new ByteReader(bytes);
  const version = readOpening(reader);
  if (version !== PROTOCOL_VERSION) return { version };
  const sessionId = reader.binary().slice();
  if (sessionId.length !== 16) throw malformed("a session id has 16 bytes");
  const isFresh = reader.boolean();
  const attempt = reader.uint();
  const receivedFrames = reader.uint();
  const name = reader.string().slice(0, MAX_NAME_CHARACTERS);
  return { version, sessionId, isFresh, attempt, receivedFrames, name, ...readLimits(reader) };
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  const writer = opened(welcome.version);
  writer.binary(welcome.epoch);
  writer.string(welcome.peerId);
  writer.string(welcome.lost);
  writer.uint(welcome.receivedFrames);
  writer.uint(welcome.maxValueBytes);
  writer.uint(welcome.maxDepth);
  writer.uint(welcome.channelWindowBytes);
  return written(writer);
}

export function decodeWelcome(
  bytes: Uint8Array,
): Welcome | { readonly version: number; readonly epoch?: undefined } {
  const reader = new ByteReader(bytes);
  const version = readOpening(reader);
  if (version !== PROTOCOL_VERSION) return { version };
  const epoch = reader.binary().slice();
  const peerId = reader.string();
  const lost = reader.string();
  const receivedFrames = reader.uint();
  return { version, epoch, peerId, lost, receivedFrames, ...readLimits(reader) };
}

export function encodeBye(bye: Bye): Uint8Array {
  const writer = new ByteWriter();
  writer.string(bye.code);
  writer.string(bye.text.slice(0, 1000));
  return written(writer);
}

export function decodeBye(bytes: Uint8Array): Bye {
  const reader = new ByteReader(bytes);
  return { code: reader.string(), text: reader.string() };
}

/** Whether bytes are, as far as they go, the beginning of a frame of this kind as Connector opens a link with it. */
export function isOpeningOf(kind: number, bytes: Uint8Array): boolean {
  const opening = frameOf(kind, written(opened(PROTOCOL_VERSION)));
  // The length may be any.
  for (let at = 3; at < Math.min(bytes.length, opening.length - 1); at++) {
    if (bytes[at] !== opening[at]) return false;
  }
  return true;
}

function readLimits(reader: ByteReader): Pick<Welcome, "maxValueBytes" | "maxDepth" | "channelWindowBytes"> {
  return { maxValueBytes: reader.uint(), maxDepth: reader.uint(), channelWindowBytes: reader.uint() };
}

function opened(version: number): ByteWriter {
  const writer = new ByteWriter();
  writer.string(MAGIC);
  writer.uint(version);
  return writer;
}

function readOpening(reader: ByteReader): number {
  if (reader.string() !== MAGIC) throw malformed("it does not open as Connector does");
  return reader.uint();
}

function written(writer: ByteWriter): Uint8Array {
  return writer.bytes.slice(0, writer.position);
}
