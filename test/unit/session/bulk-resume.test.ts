import { afterEach, describe, expect, it } from "vitest";
import { ackFrame, creditFrame } from "../../../src/protocol/control-frames.ts";
import { FrameKind, HEADER_BYTES } from "../../../src/protocol/frame.ts";
import { FrameDecoder } from "../../../src/protocol/frame-decoder.ts";
import { patterned, TEST_BULK } from "./bulk-pair.ts";
import { ScriptedLink } from "./scripted-link.ts";
import { kindsOf, OpenSessions, sendValue, turns } from "./session-pair.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

const KIB = 1024;

/** Channel and bytes of each DATA frame. */
function dataOf(bytes: Uint8Array): [channel: number, length: number][] {
  const found: [number, number][] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at, true) & 0xffffff;
    if ((view.getUint8(at + 3) & 0x7f) === FrameKind.data) found.push([view.getUint32(at + 4, true), length]);
    at += HEADER_BYTES + length;
  }
  return found;
}
const sum = (frames: readonly (readonly [number, number])[]): number =>
  frames.reduce((all, [, length]) => all + length, 0);

describe("bulk bytes on a link", () => {
  it("wait for acknowledgements beyond the window, all channels together, in turns", async () => {
    const { session, link } = sessions.scripted();
    const senders = [session.bulk.open(TEST_BULK, "a"), session.bulk.open(TEST_BULK, "b")];
    for (const sender of senders) {
      void sender.send(patterned(500 * KIB));
      link.handler?.data(creditFrame(sender.id, 1024 * KIB));
    }
    await turns(1);
    expect(dataOf(link.written)).toEqual([1, 3, 1, 3, 1, 3, 1, 3].map((id) => [id, 16 * KIB]));
    link.writes.length = 0;
    link.handler?.data(ackFrame(2 + 3));
    await turns(1);
    expect(dataOf(link.written)[0]?.[0]).toBe(1);
    expect(dataOf(link.written)[1]?.[0]).toBe(3);
    expect(sum(dataOf(link.written))).toBeGreaterThanOrEqual(48 * KIB);
  });

  it("let the messages of their turn go first", async () => {
    const { session, link } = sessions.scripted();
    const sender = session.bulk.open(TEST_BULK, "a");
    link.handler?.data(creditFrame(sender.id, 1024 * KIB));
    link.writes.length = 0;
    // A turn of its own: what a read causes leaves before anything else anyway.
    await turns(1);
    void sender.send(patterned(10));
    sendValue(session, "later in the same turn");
    await turns(1);
    expect(kindsOf(link.written)).toEqual([FrameKind.message, FrameKind.data | 0x80]);
  });

  it("wait while the link has too much to write, and while there is none", async () => {
    const { session, link } = sessions.scripted({ limits: { maxUnsentBytes: 1000 } });
    session.onAbsent(() => {});
    const sender = session.bulk.open(TEST_BULK, "a");
    link.bufferedBytes = 1001;
    void sender.send(patterned(10));
    link.handler?.data(creditFrame(sender.id, 1024));
    await turns(1);
    expect(sender.sentBytes).toBe(0);
    link.bufferedBytes = 0;
    link.handler?.drained();
    await turns(1);
    expect(sender.sentBytes).toBe(10);
    link.handler?.closed();
    void sender.send(patterned(10));
    await turns(1);
    expect([sender.sentBytes, session.isAbsent]).toEqual([10, true]);
    const next = new ScriptedLink();
    next.start(session.resume(next, new FrameDecoder(), 2));
    await turns(1);
    expect([sender.sentBytes, dataOf(next.written)]).toEqual([20, [[1, 10]]]);
  });

  it("leave room for the messages that wait for a link: half of what may be kept", async () => {
    const { session, link } = sessions.scripted({ limits: { maxReplayBytes: 60_000 } });
    session.onAbsent(() => {});
    const sender = session.bulk.open(TEST_BULK, "a");
    void sender.send(patterned(500 * KIB));
    link.handler?.data(creditFrame(sender.id, 1024 * KIB));
    await turns(1);
    expect(sender.sentBytes).toBeGreaterThanOrEqual(30_000);
    expect(sender.sentBytes).toBeLessThan(34_096);
    link.handler?.closed();
    sendValue(session, "x".repeat(20_000));
    await turns(1);
    expect([session.isAbsent, session.ended]).toEqual([true, undefined]);
  });

  it("come again over another link where they were not acknowledged, within a window that begins anew", async () => {
    const { session, link } = sessions.scripted();
    session.onAbsent(() => {});
    const sender = session.bulk.open(TEST_BULK, "a");
    void sender.send(patterned(900 * KIB));
    link.handler?.data(creditFrame(sender.id, 1024 * KIB));
    await turns(1);
    for (let acknowledged = 4; acknowledged < 20; acknowledged += 2) {
      link.handler?.data(ackFrame(acknowledged));
      await turns(1);
    }
    const sentBefore = sender.sentBytes;
    const unacknowledged = sum(dataOf(link.written).slice(-1));
    expect(session.stats.unacknowledgedBytes).toBeGreaterThan(128 * KIB);
    link.handler?.closed();
    const next = new ScriptedLink();
    // The other side has all but the last frame.
    next.start(session.resume(next, new FrameDecoder(), session.sentFrames - 1));
    await turns(1);
    const frames = dataOf(next.written);
    expect(frames[0]).toEqual([sender.id, unacknowledged]);
    // Of what is unacknowledged 128 KiB: the frame that came again, and new ones.
    expect(sum(frames)).toBeGreaterThanOrEqual(128 * KIB);
    expect(sum(frames)).toBeLessThan(128 * KIB + 16 * KIB);
    expect(sender.sentBytes).toBe(sentBefore + sum(frames) - unacknowledged);
  });
});
