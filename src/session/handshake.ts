import { failure } from "../core/errors.ts";
import { randomBytes, toHex } from "../core/ids.ts";
import type { Limits } from "../core/limits.ts";
import { Waiter, type WaitOptions } from "../core/waiting.ts";
import { FrameKind, frameOf } from "../protocol/frame.ts";
import { FrameDecoder } from "../protocol/frame-decoder.ts";
import {
  decodeHello,
  decodeWelcome,
  encodeBye,
  encodeHello,
  encodeWelcome,
  type Hello,
  PROTOCOL_VERSION,
} from "../protocol/handshake-messages.ts";
import type { Link } from "../transport/transport.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import { Session } from "./session.ts";

/** Enough that no two clients of a server meet. */
const PEER_ID_BYTES = 6;

export interface HandshakeOptions {
  readonly limits: Readonly<Limits>;
  readonly heartbeat?: HeartbeatOptions | undefined;
}

/** What the two sides learn of each other. */
export interface Greeted {
  readonly session: Session;
  readonly name: string;
}

/**
 * The client's side: says HELLO, waits for WELCOME.
 *
 * Rejects with `HandshakeError` `CNR_ERR_NOT_CONNECTOR`, `CNR_ERR_VERSION` or, when the link ends first,
 * `CNR_ERR_HANDSHAKE_REFUSED`, and as `wait` says; the link is closed then.
 *
 * @param onGreeted - called in the same step, before anything that the server sent behind its WELCOME is read
 */
export function greetServer(
  link: Link,
  hello: Pick<Hello, "sessionId" | "name">,
  options: HandshakeOptions,
  wait: WaitOptions,
  onGreeted: (session: Session) => void,
): Promise<void> {
  const { limits } = options;
  const decoder = new FrameDecoder();
  const address = link.remoteAddress.toString();
  const waiter = new Waiter<void>(`the handshake with ${address}`, wait, () => {
    decoder.stop();
    link.abort();
  });
  const refuse = (error: Error): void => {
    decoder.stop();
    if (waiter.reject(error)) link.abort();
  };
  let session: Session | undefined;
  decoder.sink = {
    frame(kind, _channel, bytes, start, end) {
      const welcome = kind === FrameKind.welcome ? decodeWelcome(bytes.subarray(start, end)) : undefined;
      if (!welcome)
        throw failure("CNR_ERR_PROTOCOL", { reason: `a frame of kind ${kind} before the welcome` });
      if (!welcome.epoch) {
        return refuse(failure("CNR_ERR_VERSION", { theirs: welcome.version, ours: PROTOCOL_VERSION }));
      }
      session = new Session({
        ...options,
        link,
        decoder,
        maxValueBytes: Math.min(limits.maxValueBytes, welcome.maxValueBytes),
        maxDepth: Math.min(limits.maxDepth, welcome.maxDepth),
        peerWindowBytes: welcome.channelWindowBytes,
        waitsForReader: false,
        id: welcome.peerId,
      });
      waiter.resolve();
      onGreeted(session);
    },
    raw() {
      throw failure("CNR_ERR_PROTOCOL", { reason: "raw bytes before the welcome" });
    },
  };
  let first: Uint8Array | undefined;
  link.start({
    data(bytes) {
      if (session) return session.data(bytes);
      first ??= bytes.slice(0, 40);
      try {
        decoder.push(bytes);
      } catch (error) {
        if (session) (session as Session).fail(error);
        else refuse(failure("CNR_ERR_NOT_CONNECTOR", { address, answer: excerpt(first) }, error));
      }
    },
    drained: () => session?.drained(),
    closed(error) {
      if (session) return session.closed(error);
      decoder.stop();
      const reason =
        (error as { code?: string } | undefined)?.code ?? "it ended the link before saying anything";
      if (first) waiter.reject(failure("CNR_ERR_NOT_CONNECTOR", { address, answer: excerpt(first) }, error));
      else waiter.reject(failure("CNR_ERR_HANDSHAKE_REFUSED", { reason }, error));
    },
  });
  if (waiter.settled) link.abort();
  else {
    link.write([frameOf(FrameKind.hello, encodeHello({ ...limits, ...hello, version: PROTOCOL_VERSION }))]);
  }
  return waiter.promise;
}

/**
 * The server's side: waits for HELLO, answers WELCOME. Rejects with `HandshakeError` for a stranger's bytes or another
 * version, and as `wait` says; the link is closed then.
 *
 * @param onGreeted - called in the same step, before anything that the client sent behind its HELLO is read
 */
export function greetClient(
  link: Link,
  epoch: Uint8Array,
  options: HandshakeOptions,
  wait: WaitOptions,
  onGreeted: (greeted: Greeted) => void,
): Promise<void> {
  const { limits } = options;
  const decoder = new FrameDecoder();
  const address = link.remoteAddress.toString();
  const waiter = new Waiter<void>(`the handshake with ${address}`, wait, () => {
    decoder.stop();
    link.abort();
  });
  const refuse = (error: Error): void => {
    decoder.stop();
    if (waiter.reject(error)) link.abort();
  };
  let session: Session | undefined;
  decoder.sink = {
    frame(kind, _channel, bytes, start, end) {
      const hello = kind === FrameKind.hello ? decodeHello(bytes.subarray(start, end)) : undefined;
      if (!hello) throw failure("CNR_ERR_PROTOCOL", { reason: `a frame of kind ${kind} before the hello` });
      const peerId = toHex(randomBytes(PEER_ID_BYTES));
      const welcome = encodeWelcome({ ...limits, version: PROTOCOL_VERSION, epoch, peerId });
      link.write([frameOf(FrameKind.welcome, welcome)]);
      if (!hello.sessionId) {
        const error = failure("CNR_ERR_VERSION", { theirs: hello.version, ours: PROTOCOL_VERSION });
        link.write([frameOf(FrameKind.bye, encodeBye({ code: error.code, text: error.message }))]);
        decoder.stop();
        waiter.reject(error);
        void link.close();
        return;
      }
      session = new Session({
        ...options,
        link,
        decoder,
        maxValueBytes: Math.min(limits.maxValueBytes, hello.maxValueBytes),
        maxDepth: Math.min(limits.maxDepth, hello.maxDepth),
        peerWindowBytes: hello.channelWindowBytes,
        waitsForReader: true,
        id: peerId,
      });
      waiter.resolve();
      onGreeted({ session, name: hello.name });
    },
    raw() {
      throw failure("CNR_ERR_PROTOCOL", { reason: "raw bytes before the hello" });
    },
  };
  link.start({
    data(bytes) {
      if (session) return session.data(bytes);
      try {
        decoder.push(bytes);
      } catch (error) {
        // What came behind a good HELLO is the session's business already.
        if (session) (session as Session).fail(error);
        else refuse(failure("CNR_ERR_NOT_CONNECTOR", { address, answer: excerpt(bytes) }, error));
      }
    },
    drained: () => session?.drained(),
    closed(error) {
      if (session) return session.closed(error);
      decoder.stop();
      waiter.reject(failure("CNR_ERR_LINK_LOST", { reason: "it ended before its handshake" }, error));
    },
  });
  if (waiter.settled) link.abort();
  return waiter.promise;
}

/** The start of an answer that is not Connector's, printable: an engineer knows HTTP or SSH when he sees it. */
function excerpt(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.subarray(0, 24)).replace(/[^\x20-\x7e]+/g, ".");
  return JSON.stringify(text);
}
