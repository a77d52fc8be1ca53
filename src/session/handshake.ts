import { type ConnectorError, failure } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";
import { FrameKind, frameOf } from "../protocol/frame.ts";
import { encodeBye, PROTOCOL_VERSION, type Welcome } from "../protocol/handshake-messages.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import type { SessionOptions } from "./session.ts";

export interface HandshakeOptions {
  readonly limits: Readonly<Limits>;
  readonly heartbeat?: HeartbeatOptions | undefined;
}

/** What both sides take. */
export function agreement(
  options: HandshakeOptions,
  theirs: Pick<Welcome, "maxValueBytes" | "maxDepth" | "channelWindowBytes">,
): Omit<SessionOptions, "link" | "decoder" | "waitsForReader" | "id"> {
  const { limits } = options;
  return {
    ...options,
    maxValueBytes: Math.min(limits.maxValueBytes, theirs.maxValueBytes),
    maxDepth: Math.min(limits.maxDepth, theirs.maxDepth),
    peerWindowBytes: theirs.channelWindowBytes,
  };
}

export function otherVersion(theirs: number): ReturnType<typeof failure> {
  return failure("CNR_ERR_VERSION", { theirs, ours: PROTOCOL_VERSION });
}

/** Last words to a program that will not become a peer, as it can read them. */
export function parting({ code, message }: ConnectorError): Uint8Array {
  return frameOf(FrameKind.bye, encodeBye({ code, text: message }));
}
