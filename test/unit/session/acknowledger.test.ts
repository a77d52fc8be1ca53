import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ackFrame, pingFrame } from "../../../src/protocol/control-frames.ts";
import { ACK_NOW, FrameKind, frameOf } from "../../../src/protocol/frame.ts";
import type { ScriptedLink } from "./scripted-link.ts";
import { kindsOf, numberFrame, OpenSessions, receivedBy, sendValue } from "./session-pair.ts";

const sessions = new OpenSessions();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  sessions.end();
  vi.useRealTimers();
});

function receiving(): { link: ScriptedLink; receive(count: number, bytes?: Uint8Array): void } {
  const { session, link } = sessions.scripted();
  receivedBy(session);
  return {
    link,
    receive(count, bytes = numberFrame(1)) {
      for (let n = 0; n < count; n++) link.handler?.data(bytes);
    },
  };
}

/** The acknowledgements in what was written. */
function acks(link: ScriptedLink): Uint8Array[] {
  return link.writes.flat().filter((chunk) => chunk[3] === FrameKind.ack);
}

describe("an acknowledgement", () => {
  it("is sent when 64 frames have come, not before", () => {
    const { link, receive } = receiving();
    receive(63);
    expect(link.writes).toEqual([]);
    receive(1);
    expect(acks(link)).toEqual([ackFrame(64)]);
    receive(63);
    expect(acks(link)).toHaveLength(1);
    receive(1);
    expect(acks(link)).toEqual([ackFrame(64), ackFrame(128)]);
  });

  it("is sent when 128 KiB have come, also in raw frames, with the frames that are whole", () => {
    const { link, receive } = receiving();
    const raw = frameOf(FrameKind.raw, new Uint8Array(127 * 1024));
    receive(1, raw);
    expect(link.writes).toEqual([]);
    link.handler?.data(raw.subarray(0, 4000));
    expect(link.writes).toEqual([]);
    link.handler?.data(raw.subarray(4000));
    expect(acks(link)).toEqual([ackFrame(2)]);
  });

  it("is sent at once when it is asked for", () => {
    const { link, receive } = receiving();
    const urgent = numberFrame(1);
    urgent[3] = FrameKind.message | ACK_NOW;
    receive(1, urgent);
    expect(acks(link)).toEqual([ackFrame(1)]);
  });

  it("is sent after 50 ms, once, by a timer that all links share and that does not stay", () => {
    const before = vi.getTimerCount();
    const links = Array.from({ length: 20 }, receiving);
    const withHeartbeat = vi.getTimerCount();
    for (const { receive } of links) receive(2);
    expect(vi.getTimerCount()).toBe(withHeartbeat + 1);
    vi.advanceTimersByTime(50);
    for (const { link } of links) expect(acks(link)).toEqual([ackFrame(2)]);
    vi.advanceTimersByTime(200);
    for (const { link } of links) expect(acks(link)).toHaveLength(1);
    expect([withHeartbeat - before, vi.getTimerCount()]).toEqual([1, withHeartbeat]);
  });

  it("rides along with what is sent anyway, and costs a lone message nothing", () => {
    const { session, link } = sessions.scripted();
    session.handle({ 200: (reader) => sendValue(session, reader.uint()) });
    for (let n = 0; n < 63; n++) link.handler?.data(numberFrame(1));
    expect(kindsOf(link.written)).toEqual(new Array(63).fill(FrameKind.message));
    link.handler?.data(numberFrame(1));
    expect(link.writes).toHaveLength(64);
    expect(kindsOf(link.written).slice(-2)).toEqual([FrameKind.message, FrameKind.ack]);
  });

  it("that is more than was sent, or less than before, or of another length, ends the session", () => {
    for (const [second, why] of [
      [ackFrame(3), /an acknowledgement of 3 frames/],
      [ackFrame(1), /an acknowledgement of 1 frames/],
      [frameOf(FrameKind.ack, new Uint8Array(7)), /a control frame of 7 bytes/],
      [frameOf(FrameKind.ack), /a control frame of 0 bytes/],
      [frameOf(FrameKind.ack, new Uint8Array(8).fill(255)), /beyond 2\^53/],
      [frameOf(FrameKind.ping, new Uint8Array(9)), /a control frame of 9 bytes/],
      [frameOf(FrameKind.ack | ACK_NOW, new Uint8Array(8)), /unknown kind/],
    ] as const) {
      const { session, link } = sessions.scripted();
      for (const n of [1, 2]) {
        sendValue(session, n);
        session.flush();
      }
      link.handler?.data(ackFrame(2));
      expect([session.ended, session.stats.unacknowledgedBytes]).toEqual([undefined, 0]);
      link.handler?.data(second);
      expect(session.ended?.message).toMatch(why);
    }
  });

  it("is none of what a ping brings", () => {
    const { link, receive } = receiving();
    receive(100, pingFrame(7));
    vi.advanceTimersByTime(100);
    expect(acks(link)).toEqual([]);
  });
});
