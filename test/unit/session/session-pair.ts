import { failure } from "../../../src/core/errors.ts";
import { type Limits, withLimits } from "../../../src/core/limits.ts";
import { FrameKind, frameOf, HEADER_BYTES } from "../../../src/protocol/frame.ts";
import { FrameDecoder } from "../../../src/protocol/frame-decoder.ts";
import type { HeartbeatOptions } from "../../../src/session/heartbeat.ts";
import type { ReplayBudget } from "../../../src/session/replay-budget.ts";
import { Session } from "../../../src/session/session.ts";
import { memoryLinkPair } from "../../../src/transport/memory-link.ts";
import type { Link } from "../../../src/transport/transport.ts";
import { ScriptedLink } from "./scripted-link.ts";

export interface PairOptions {
  readonly limits?: Partial<Limits>;
  readonly heartbeat?: HeartbeatOptions;
  readonly waitsForReader?: boolean;
  readonly budget?: ReplayBudget;
}

export function sessionOver(link: Link, options: PairOptions = {}): Session {
  const limits = withLimits(options.limits);
  const session = new Session({
    link,
    limits,
    decoder: new FrameDecoder(),
    maxValueBytes: limits.maxValueBytes,
    maxDepth: limits.maxDepth,
    peerWindowBytes: limits.channelWindowBytes,
    waitsForReader: options.waitsForReader ?? false,
    heartbeat: options.heartbeat,
    budget: options.budget,
    id: "test",
  });
  link.start(session.attached);
  return session;
}

/** Two sessions that talk to each other in this process. */
export function sessionPair(options: PairOptions = {}): [Session, Session] {
  const [a, b] = memoryLinkPair();
  return [sessionOver(a, { ...options, waitsForReader: true }), sessionOver(b, options)];
}

/** A type of message that no feature uses. */
export const TEST_MESSAGE = 200;

export function sendValue(session: Session, value: unknown, type: number = TEST_MESSAGE): void {
  const writer = session.begin(type);
  try {
    session.encoder.encode(writer, value);
  } catch (error) {
    session.drop();
    throw error;
  }
  session.commit();
}

/** Keeps the values that arrive. */
export function receivedBy(session: Session): unknown[] {
  const values: unknown[] = [];
  session.handle({ [TEST_MESSAGE]: (reader) => void values.push(session.decoder.decode(reader)) });
  return values;
}

/** Some turns of the event loop. */
export async function turns(count = 20): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

/** The sessions of one test, which end with it. */
export class OpenSessions {
  readonly #open: Session[] = [];

  /** One whose other side is the test. */
  scripted(options?: PairOptions): { session: Session; link: ScriptedLink } {
    const link = new ScriptedLink();
    const session = sessionOver(link, options);
    this.#open.push(session);
    return { session, link };
  }

  pair(options?: PairOptions): [Session, Session] {
    const made = sessionPair(options);
    this.#open.push(...made);
    return made;
  }

  end(): void {
    for (const session of this.#open.splice(0)) session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
  }
}

/** A frame with one test message that holds a small number. */
export function numberFrame(value: number): Uint8Array {
  return frameOf(FrameKind.message, new Uint8Array([TEST_MESSAGE, value]));
}

/** The kinds of the frames that these bytes hold. */
export function kindsOf(bytes: Uint8Array): number[] {
  const kinds: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += HEADER_BYTES + (view.getUint32(at, true) & 0xffffff)) {
    kinds.push(view.getUint8(at + 3));
  }
  return kinds;
}
