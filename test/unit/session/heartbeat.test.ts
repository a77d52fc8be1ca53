import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { pongFrame } from "../../../src/protocol/control-frames.ts";
import { FrameKind, frameOf } from "../../../src/protocol/frame.ts";
import type { Session } from "../../../src/session/session.ts";
import { ScriptedLink } from "./scripted-link.ts";
import { sessionOver } from "./session-pair.ts";

const open: Session[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  for (const session of open.splice(0)) session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
  vi.useRealTimers();
});

function beating(heartbeat?: { idleMs?: number; deadMs?: number }): {
  session: Session;
  link: ScriptedLink;
  kinds(): number[];
} {
  const link = new ScriptedLink();
  const session = sessionOver(link, heartbeat ? { heartbeat } : {});
  open.push(session);
  return { session, link, kinds: () => link.writes.map((chunks) => chunks[0]?.[3] as number) };
}

describe("the heartbeat", () => {
  it("asks for a sign of life after five idle seconds, and gives up after fifteen", () => {
    const { session, kinds } = beating();
    vi.advanceTimersByTime(4999);
    expect(kinds()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(kinds()).toEqual([FrameKind.ping]);
    vi.advanceTimersByTime(9999);
    expect([kinds().length, session.ended]).toEqual([2, undefined]);
    vi.advanceTimersByTime(1);
    expect([session.ended?.code, session.ended?.details]).toEqual([
      "CNR_ERR_HEARTBEAT",
      { silentMs: 15_000 },
    ]);
  });

  it("measures the time to the answer of its newest question, and of no other", () => {
    const { session, link } = beating();
    const now = vi.spyOn(performance, "now").mockReturnValue(1000);
    link.handler?.data(pongFrame(0));
    vi.advanceTimersByTime(5000);
    now.mockReturnValue(1007);
    link.handler?.data(pongFrame(2));
    expect(session.stats.roundTripMs).toBeUndefined();
    link.handler?.data(pongFrame(1));
    expect(session.stats.roundTripMs).toBe(7);
    now.mockRestore();
  });

  it("takes any byte as a sign of life, also half a frame", () => {
    const { session, link } = beating();
    const pong = pongFrame(0);
    for (let n = 0; n < 20; n++) {
      vi.advanceTimersByTime(10_000);
      link.handler?.data(n % 2 ? pong.subarray(4) : pong.subarray(0, 4));
    }
    expect(session.ended).toBeUndefined();
  });

  it("ends a link of half a frame and then silence", () => {
    const { session, link } = beating();
    link.handler?.data(frameOf(FrameKind.message, new Uint8Array(100)).subarray(0, 50));
    vi.advanceTimersByTime(14_000);
    expect(session.ended).toBeUndefined();
    vi.advanceTimersByTime(2000);
    expect([session.ended?.code, link.calls]).toEqual(["CNR_ERR_HEARTBEAT", ["abort"]]);
  });

  it("does not count time in which this process was blocked or asleep", () => {
    const { session, link } = beating();
    vi.advanceTimersByTime(4000);
    // A blocked loop runs a timer once, however late it is: so does a clock that is set far ahead.
    for (let n = 0; n < 5; n++) {
      vi.setSystemTime(Date.now() + 3_600_000);
      vi.advanceTimersByTime(1000);
    }
    expect(session.ended).toBeUndefined();
    link.handler?.data(pongFrame(0));
    vi.advanceTimersByTime(14_000);
    expect(session.ended).toBeUndefined();
  });

  it("keeps the rhythm it is told", () => {
    const { session, kinds } = beating({ idleMs: 100, deadMs: 250 });
    vi.advanceTimersByTime(100);
    expect(kinds()).toEqual([FrameKind.ping]);
    vi.advanceTimersByTime(160);
    expect(session.ended?.code).toBe("CNR_ERR_HEARTBEAT");
    const hasty = beating({ idleMs: 100, deadMs: 1 });
    vi.advanceTimersByTime(100);
    expect([hasty.kinds(), hasty.session.ended]).toEqual([[FrameKind.ping], undefined]);
  });

  it("shares one timer among the links of one rhythm, and leaves none behind", async () => {
    const before = vi.getTimerCount();
    const links = Array.from({ length: 50 }, () => beating());
    expect(vi.getTimerCount()).toBe(before + 1);
    links[3]?.link.handler?.data(pongFrame(0));
    for (const { session } of links.slice(0, 49)) await session.close();
    expect(vi.getTimerCount()).toBe(before + 1);
    links[49]?.link.handler?.closed();
    expect(vi.getTimerCount()).toBe(before);
    const again = beating();
    vi.advanceTimersByTime(15_000);
    expect(again.session.ended?.code).toBe("CNR_ERR_HEARTBEAT");
    expect(vi.getTimerCount()).toBe(before);
  });

  it("kills only those that are silent", () => {
    const silent = beating();
    const talking = beating();
    for (let n = 0; n < 4; n++) {
      vi.advanceTimersByTime(5000);
      talking.link.handler?.data(pongFrame(0));
    }
    expect([silent.session.ended?.code, talking.session.ended]).toEqual(["CNR_ERR_HEARTBEAT", undefined]);
  });
});
