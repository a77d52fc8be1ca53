import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectorError, failure } from "../../../src/core/errors.ts";
import { withLimits } from "../../../src/core/limits.ts";
import { FrameKind, frameOf } from "../../../src/protocol/frame.ts";
import { FrameDecoder } from "../../../src/protocol/frame-decoder.ts";
import { decodeWelcome } from "../../../src/protocol/handshake-messages.ts";
import { greetClient, type ServerGreeting } from "../../../src/session/greet-client.ts";
import type { Session } from "../../../src/session/session.ts";
import { SessionTable } from "../../../src/session/session-table.ts";
import { firstHello, serverGreeting } from "./greetings.ts";
import { ScriptedLink } from "./scripted-link.ts";
import {
  kindsOf,
  numberFrame,
  OpenSessions,
  type PairOptions,
  receivedBy,
  sendValue,
} from "./session-pair.ts";

const sessions = new OpenSessions();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  sessions.end();
  vi.useRealTimers();
});

/** A session that waits for a new link when it loses its own. */
function waiting(options?: PairOptions): { session: Session; link: ScriptedLink; reasons: ConnectorError[] } {
  const made = sessions.scripted(options);
  const reasons: ConnectorError[] = [];
  made.session.onAbsent((reason) => void reasons.push(reason));
  return { ...made, reasons };
}

function resume(session: Session, theirReceivedFrames: number): ScriptedLink {
  const link = new ScriptedLink();
  link.start(session.resume(link, new FrameDecoder(), theirReceivedFrames));
  return link;
}

const send = (session: Session, value: unknown): void => {
  sendValue(session, value);
  session.flush();
};

describe("a session without a link", () => {
  it("says why, is saturated, and sends again over the next link what was not acknowledged, then what is new", () => {
    const { session, link, reasons } = waiting();
    for (const n of [1, 2, 3]) send(session, n);
    link.handler?.closed(new Error("cable"));
    expect([session.isAbsent, session.isSaturated, session.ended]).toEqual([true, true, undefined]);
    expect(reasons).toMatchObject([{ code: "CNR_ERR_LINK_LOST" }]);
    send(session, 4);
    expect([session.sentFrames, session.handedFrames, link.writes.length]).toEqual([4, 3, 3]);
    let drains = 0;
    let resumed = 0;
    session.onDrain(() => void drains++);
    session.onResumed(() => void resumed++);
    const next = resume(session, 2);
    expect(next.written).toEqual(new Uint8Array(Buffer.concat([numberFrame(3), numberFrame(4)])));
    expect([session.isAbsent, session.isSaturated, drains, resumed]).toEqual([false, false, 1, 1]);
    expect([session.handedFrames, session.stats.resumes]).toEqual([4, 1]);
  });

  it("hears nothing more of the old link: no bytes, no end, no heartbeat", () => {
    const { session, link } = waiting({ heartbeat: { idleMs: 100, deadMs: 300 } });
    const got = receivedBy(session);
    const old = link.handler;
    session.leaveLink();
    const next = resume(session, 0);
    old?.data(numberFrame(7));
    old?.drained();
    old?.closed();
    for (let n = 0; n < 20; n++) {
      vi.advanceTimersByTime(50);
      next.handler?.data(numberFrame(1));
    }
    expect([session.ended, session.isAbsent, session.stats.resumes]).toEqual([undefined, false, 1]);
    expect([got, link.calls]).toEqual([new Array(20).fill(1), ["abort"]]);
    // The new one has a heartbeat of its own.
    vi.advanceTimersByTime(400);
    expect(session.isAbsent).toBe(true);
  });

  it("drops the part of a raw frame that came: it comes again, whole", () => {
    const { session, link } = waiting();
    const got = receivedBy(session);
    const bytes = new Uint8Array(20_000).map((_, n) => n);
    const raw = frameOf(FrameKind.raw, bytes);
    const message = frameOf(FrameKind.message, new Uint8Array([200, 0xc1, 0x0d, 0xcd, 0x4e, 0x20]));
    link.handler?.data(raw.slice(0, 9000));
    link.handler?.data(raw.slice(9000, 15_000));
    link.handler?.closed();
    expect(session.receivedFrames).toBe(0);
    const next = resume(session, 0);
    next.handler?.data(raw);
    next.handler?.data(message);
    expect([got.length, session.receivedFrames, session.ended]).toEqual([1, 2, undefined]);
    expect(got[0]).toEqual(bytes);
  });

  it("is given up when more waits than may be kept", () => {
    const { session, link } = waiting({ limits: { maxReplayBytes: 1000 } });
    send(session, "x".repeat(2000));
    link.handler?.closed();
    // What was on its way already is no reason.
    expect(session.ended).toBeUndefined();
    send(session, 1);
    expect(session.ended).toMatchObject({ code: "CNR_ERR_SESSION_LOST", details: { restarted: false } });
    expect(session.ended?.message).toContain("limits.maxReplayBytes");
  });

  it("ends when it is closed, and says goodbye to nobody", async () => {
    const { session, link } = waiting();
    link.handler?.closed();
    await session.close();
    expect([session.ended?.code, link.writes]).toEqual(["CNR_ERR_CLOSED", []]);
  });
});

describe("a session whose other side acknowledges nothing", () => {
  it("is saturated, and says when it no longer is; it does not stop reading, for acknowledgements come that way", () => {
    const { session, link } = waiting({ limits: { maxReplayBytes: 1000 }, waitsForReader: true });
    let drains = 0;
    session.onDrain(() => void drains++);
    for (let n = 0; n < 20; n++) send(session, "x".repeat(100));
    expect([session.isSaturated, link.calls, drains]).toEqual([true, [], 0]);
    const ack = (count: number): void => {
      const payload = new Uint8Array(8);
      payload[0] = count;
      link.handler?.data(frameOf(FrameKind.ack, payload));
    };
    ack(10);
    expect([session.isSaturated, drains]).toEqual([true, 0]);
    ack(13);
    expect([session.isSaturated, drains]).toEqual([false, 1]);
    ack(20);
    expect(drains).toBe(1);
  });
});

describe("a server that is greeted", () => {
  const id = { sessionId: new Uint8Array(16).fill(9) };

  function server(limits = {}): { greeting: ServerGreeting; met: Session[] } {
    const met: Session[] = [];
    return { greeting: serverGreeting(limits, (session) => void met.push(session)), met };
  }

  function greet(greeting: ServerGreeting, hello: Parameters<typeof firstHello>[0]): ScriptedLink {
    const link = new ScriptedLink();
    greetClient(link, greeting, {}).catch(() => {});
    link.handler?.data(frameOf(FrameKind.hello, firstHello({ ...id, ...hello })));
    return link;
  }

  const welcomeOf = (link: ScriptedLink): unknown => decodeWelcome(link.written.subarray(8));

  it("goes on with a session it knows: the old link is left, then WELCOME, then what is lacking", () => {
    const { greeting, met } = server();
    const old = greet(greeting, {});
    const [session] = met as [Session];
    receivedBy(session);
    old.handler?.data(numberFrame(5));
    for (const n of [1, 2]) send(session, n);
    const next = greet(greeting, { isFresh: false, attempt: 2, receivedFrames: 1 });
    expect(old.calls).toEqual(["abort"]);
    expect(welcomeOf(next)).toMatchObject({ lost: "", receivedFrames: 1, peerId: session.id });
    expect(kindsOf(next.written)).toEqual([FrameKind.welcome, FrameKind.message]);
    expect(next.written.slice(-10)).toEqual(numberFrame(2));
    old.handler?.data(numberFrame(6));
    expect([met.length, session.receivedFrames]).toEqual([1, 1]);
  });

  it("makes one session of a HELLO whose WELCOME was lost, and of the next", () => {
    const { greeting, met } = server();
    greet(greeting, {}).handler?.closed();
    const next = greet(greeting, { attempt: 2 });
    expect(welcomeOf(next)).toMatchObject({ lost: "" });
    expect(met).toHaveLength(1);
  });

  it("does not answer an old HELLO that was held up", () => {
    const { greeting, met } = server();
    greet(greeting, {});
    const newest = greet(greeting, { isFresh: false, attempt: 3 });
    const late = greet(greeting, { isFresh: false, attempt: 2 });
    expect([late.calls, late.writes, newest.calls]).toEqual([["abort"], [], []]);
    expect(met[0]?.isAbsent).toBe(false);
  });

  it("says why a session cannot go on, and lets a fresh one begin over the same link, once", () => {
    const { greeting, met } = server();
    const stranger = greet(greeting, { isFresh: false, attempt: 4 });
    expect(welcomeOf(stranger)).toMatchObject({ lost: "unknown session" });
    stranger.handler?.data(frameOf(FrameKind.hello, firstHello({ sessionId: new Uint8Array(16).fill(1) })));
    expect(met).toHaveLength(1);
    const again = greet(greeting, { isFresh: false });
    again.handler?.data(frameOf(FrameKind.hello, firstHello({ ...id, isFresh: false })));
    expect([again.calls, met.length]).toEqual([["abort"], 1]);
  });

  it("gives a session up whose client lacks what nobody has any more, or has what was never sent", () => {
    for (const receivedFrames of [0, 3]) {
      const { greeting, met } = server();
      const link = greet(greeting, {});
      const [session] = met as [Session];
      for (const n of [1, 2]) send(session, n);
      const ack = new Uint8Array(8);
      ack[0] = 1;
      link.handler?.data(frameOf(FrameKind.ack, ack));
      const next = greet(greeting, { isFresh: false, attempt: 2, receivedFrames });
      expect(welcomeOf(next)).toMatchObject({ lost: "gap" });
      expect(session.ended?.code).toBe("CNR_ERR_SESSION_LOST");
    }
  });

  it("gives a session only to the key it was begun with", () => {
    const { greeting, met } = server();
    greet({ ...greeting, keyName: "main" }, {});
    const thief = greet({ ...greeting, keyName: "viewer" }, { isFresh: false, attempt: 2 });
    expect([welcomeOf(thief), met[0]?.isAbsent]).toMatchObject([{ lost: "other key" }, false]);
  });

  it("waits for a client for the time of the window, in ticks, and not while it has a link", () => {
    const { greeting, met } = server({ resumeWindowMs: 6000 });
    const link = greet(greeting, {});
    const [session] = met as [Session];
    link.handler?.closed(new Error("cable"));
    vi.advanceTimersByTime(5900);
    expect(session.ended).toBeUndefined();
    const next = greet(greeting, { isFresh: false, attempt: 2 });
    vi.advanceTimersByTime(7000);
    expect(session.ended).toBeUndefined();
    next.handler?.closed();
    vi.advanceTimersByTime(6100);
    expect(session.ended).toMatchObject({
      code: "CNR_ERR_SESSION_LOST",
      cause: { code: "CNR_ERR_LINK_LOST" },
    });
    expect(welcomeOf(greet(greeting, { isFresh: false, attempt: 3 }))).toMatchObject({
      lost: "unknown session",
    });
  });

  it("waits for so many clients, and gives up the one that is away longest for one more", () => {
    const { greeting, met } = server({ maxAbsentClients: 2 });
    for (const n of [1, 2, 3]) greet(greeting, { sessionId: new Uint8Array(16).fill(n) }).handler?.closed();
    expect(met.map((session) => session.ended?.code)).toEqual(["CNR_ERR_SESSION_LOST", undefined, undefined]);
    expect(met[0]?.ended?.message).toContain("limits.maxAbsentClients");
    for (const session of met) session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
  });

  it("gives up the clients that are away longest when all together keep too much", async () => {
    const limits = withLimits({ maxServerReplayBytes: 5000 });
    const table = new SessionTable(limits);
    const made = [1, 2, 3].map((n) => {
      const { session, link } = sessions.scripted({ budget: table.budget });
      table.add(new Uint8Array(16).fill(n), "", 1, session);
      send(session, "x".repeat(1500));
      return { session, link };
    });
    made[1]?.link.handler?.closed();
    made[0]?.link.handler?.closed();
    const [first, second, third] = made.map(({ session }) => session) as [Session, Session, Session];
    send(third, "x".repeat(1500));
    expect(third.isSaturated).toBe(true);
    let drains = 0;
    third.onDrain(() => void drains++);
    await Promise.resolve();
    await new Promise((resolve) => process.nextTick(resolve));
    expect([first.ended, second.ended?.code, third.ended]).toEqual([
      undefined,
      "CNR_ERR_SESSION_LOST",
      undefined,
    ]);
    expect([third.isSaturated, drains]).toEqual([false, 1]);
    for (const { session } of made) session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
  });
});
