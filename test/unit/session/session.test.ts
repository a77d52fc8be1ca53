import { afterEach, describe, expect, it } from "vitest";
import { ConnectionError, type ConnectorError, failure } from "../../../src/core/errors.ts";
import { pingFrame } from "../../../src/protocol/control-frames.ts";
import { FRAGMENT_BYTES, FrameKind, HEADER_BYTES } from "../../../src/protocol/frame.ts";
import { difference } from "../codec/difference.ts";
import {
  kindsOf,
  numberFrame,
  OpenSessions,
  receivedBy,
  sendValue,
  TEST_MESSAGE,
  turns,
} from "./session-pair.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

describe("sending", () => {
  it("puts all messages of a turn into one frame and one write", async () => {
    const { session, link } = sessions.scripted();
    for (let n = 0; n < 100; n++) sendValue(session, n);
    await Promise.resolve();
    sendValue(session, "from a microtask of the same turn");
    expect(link.writes).toHaveLength(0);
    await turns(1);
    expect(link.writes).toHaveLength(1);
    expect(kindsOf(link.written)).toEqual([FrameKind.message]);
    sendValue(session, 1);
    await turns(1);
    expect(link.writes).toHaveLength(2);
    expect(session.sentFrames).toBe(2);
  });

  it("sends at the end of a read what the read has caused, in one write, before the turn ends", () => {
    const { session, link } = sessions.scripted();
    session.handle({ [TEST_MESSAGE]: (reader) => sendValue(session, reader.uint() + 1) });
    link.handler?.data(new Uint8Array(Buffer.concat([numberFrame(1), numberFrame(2), numberFrame(3)])));
    expect(link.writes).toHaveLength(1);
    expect([...link.written.subarray(HEADER_BYTES)]).toEqual([
      TEST_MESSAGE,
      2,
      TEST_MESSAGE,
      3,
      TEST_MESSAGE,
      4,
    ]);
  });

  it("does not let a turn pile up without bounds", () => {
    const { session, link } = sessions.scripted();
    for (let n = 0; n < 100; n++) sendValue(session, "x".repeat(10_000));
    expect(link.writes.length).toBeGreaterThan(10);
    for (const chunks of link.writes) for (const chunk of chunks) expect(chunk.length).toBeLessThan(100_000);
  });

  it("gives the link bytes that nobody writes to again", async () => {
    const { session, link } = sessions.scripted();
    for (let n = 0; n < 50; n++) {
      sendValue(session, `message ${n}`);
      session.flush();
    }
    link.writes.forEach((chunks, n) => {
      expect(Buffer.from(Buffer.concat(chunks)).toString()).toContain(`message ${n}`);
    });
  });

  it("leaves nothing of a message that was dropped", async () => {
    const { session, link } = sessions.scripted();
    sendValue(session, 1);
    expect(() => sendValue(session, [new Uint8Array(20_000), Symbol("s")])).toThrow(
      /value\[1\] cannot be sent/,
    );
    sendValue(session, 2);
    session.flush();
    expect([...link.written.subarray(HEADER_BYTES)]).toEqual([TEST_MESSAGE, 1, TEST_MESSAGE, 2]);
    expect(() => sendValue(session, Symbol("s"))).toThrow();
    session.flush();
    expect(link.writes).toHaveLength(1);
  });

  it("refuses a message from inside the getters of another one, and stays usable", async () => {
    const { session, link } = sessions.scripted();
    const value = {
      get nested(): number {
        sendValue(session, 1);
        return 1;
      },
    };
    expect(() => sendValue(session, value)).toThrow(/sends itself/);
    sendValue(session, 5);
    await turns(1);
    expect([...link.written.subarray(HEADER_BYTES)]).toEqual([TEST_MESSAGE, 5]);
  });

  it("survives a getter that closes the session, without harm to the next session's bytes", async () => {
    const first = sessions.scripted();
    const second = sessions.scripted();
    const value = {
      get nested(): string {
        void first.session.close();
        sendValue(second.session, "s".repeat(1000));
        return "f".repeat(1000);
      },
    };
    sendValue(first.session, value);
    second.session.flush();
    const text = Buffer.from(second.link.written).toString();
    expect(text).toContain("s".repeat(1000));
    expect(text).not.toContain("ff");
    expect(() => sendValue(first.session, 1)).toThrow(ConnectionError);
  });

  it("asks whoever holds messages back to write them first, also before a close", async () => {
    const { session, link } = sessions.scripted();
    let held = [7, 8];
    session.beforeMessage = (): void => {
      const values = held;
      held = [];
      for (const value of values) sendValue(session, value);
    };
    sendValue(session, 1);
    held.push(9);
    await session.close();
    expect([...link.written.subarray(HEADER_BYTES, HEADER_BYTES + 8)]).toEqual(
      [7, 8, 1, 9].flatMap((n) => [TEST_MESSAGE, n]),
    );
  });
});

describe("large values", () => {
  it("travel in fragments, and arrive whole, in order with the small ones", async () => {
    const [a, b] = sessions.pair();
    const got = receivedBy(b);
    const text = "0123456789".repeat(300_000);
    const numbers = Array.from({ length: 200_000 }, (_, n) => n * 1.5);
    for (const value of [1, text, 2, numbers, { text }, 3]) sendValue(a, value);
    await turns();
    expect(difference(got, [1, text, 2, numbers, { text }, 3])).toBeUndefined();
  });

  it("travel as raw frames when they are binary, copied once, which is before the program may change them", async () => {
    const { session, link } = sessions.scripted();
    const photo = new Uint8Array(1_000_000).fill(5);
    sendValue(session, { photo });
    photo.fill(9);
    session.flush();
    const chunks = link.writes.flat();
    const raw = chunks.filter(({ buffer }) => buffer.byteLength === photo.length);
    expect(new Set(raw.map(({ buffer }) => buffer)).size).toBe(1);
    expect(raw.every((chunk) => chunk.every((byte) => byte === 5))).toBe(true);
    expect(raw.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(1_000_000);
    expect(kindsOf(link.written)).toEqual([
      FrameKind.raw,
      FrameKind.raw,
      FrameKind.raw,
      FrameKind.raw,
      FrameKind.message,
    ]);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(FRAGMENT_BYTES);
  });

  it("arrive whatever their size and kind, also when several share a turn", async () => {
    const [a, b] = sessions.pair();
    const got = receivedBy(b);
    const values: unknown[] = [];
    for (const size of [
      16_383,
      16_384,
      16_385,
      FRAGMENT_BYTES - 1,
      FRAGMENT_BYTES,
      FRAGMENT_BYTES + 1,
      3_000_000,
    ]) {
      values.push(
        new Uint8Array(size).map((_, n) => n + size),
        { text: "t".repeat(size), buffer: new ArrayBuffer(size) },
      );
    }
    for (const value of values) sendValue(a, value);
    await turns(40);
    expect(difference(got, values)).toBeUndefined();
  });

  it("are refused over the limit, and the session goes on", async () => {
    const [a, b] = sessions.pair({ limits: { maxValueBytes: 100_000 } });
    const got = receivedBy(b);
    expect(() => sendValue(a, new Uint8Array(100_001))).toThrow(/limits\.maxValueBytes/);
    expect(() => sendValue(a, "x".repeat(100_001))).toThrow(/limits\.maxValueBytes/);
    sendValue(a, "fits");
    await turns();
    expect(got).toEqual(["fits"]);
  });

  it("pass though the receiver takes only short frames: how they are cut is the protocol's matter", async () => {
    const [a, b] = sessions.pair({ limits: { maxFrameBytes: 5000 } });
    const got = receivedBy(b);
    sendValue(a, "y".repeat(1_000_000));
    await turns();
    expect(got).toEqual(["y".repeat(1_000_000)]);
  });
});

describe("a session that is closed", () => {
  it("sends what was sent before, says goodbye, and ends on both sides", async () => {
    const [a, b] = sessions.pair();
    const got = receivedBy(b);
    const ends: ConnectorError[] = [];
    a.onEnd((reason) => void ends.push(reason));
    b.onEnd((reason) => void ends.push(reason));
    sendValue(a, "last words");
    await a.close();
    await turns();
    expect(got).toEqual(["last words"]);
    expect(ends.map((reason) => [reason.code, reason.details["by"]])).toEqual([
      ["CNR_ERR_CLOSED", "this side"],
      ["CNR_ERR_CLOSED", "the other side"],
    ]);
    await Promise.all([a.close(), a.close(), b.close()]);
    expect(ends).toHaveLength(2);
  });

  it("refuses to send, with the reason of its end, and tells late listeners", async () => {
    const [a] = sessions.pair();
    await a.close();
    expect(() => a.begin(TEST_MESSAGE)).toThrow(ConnectionError);
    let late: ConnectorError | undefined;
    a.onEnd((reason) => {
      late = reason;
    });
    expect(late?.code).toBe("CNR_ERR_CLOSED");
  });

  it("ends both sides though both close at once", async () => {
    const [a, b] = sessions.pair();
    const got = [receivedBy(a), receivedBy(b)];
    sendValue(a, 1);
    sendValue(b, 2);
    await Promise.all([a.close(), b.close()]);
    expect([a.ended?.code, b.ended?.code]).toEqual(["CNR_ERR_CLOSED", "CNR_ERR_CLOSED"]);
    expect(got).toEqual([[], []]);
  });

  it("leaves no message half handled when a handler closes it", async () => {
    const [a, b] = sessions.pair();
    const got: number[] = [];
    b.handle({
      [TEST_MESSAGE]: (reader) => {
        got.push(reader.uint());
        void b.close();
      },
    });
    for (const n of [1, 2, 3]) sendValue(a, n);
    await turns();
    expect(got).toEqual([1]);
  });
});

describe("a link that is lost", () => {
  it("ends the session with what is known about it", () => {
    const without = sessions.scripted();
    without.link.handler?.closed();
    expect([without.session.ended?.code, without.session.ended?.retryable]).toEqual([
      "CNR_ERR_LINK_LOST",
      true,
    ]);
    const { session, link } = sessions.scripted();
    const cause = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    link.handler?.closed(cause);
    expect([session.ended?.message, session.ended?.cause]).toEqual(["the link was lost (ECONNRESET)", cause]);
  });

  it("tells every listener once, and stays silent after it", () => {
    const { session, link } = sessions.scripted();
    let count = 0;
    session.onEnd(() => count++);
    session.abort(failure("CNR_ERR_CANCELLED", { what: "it" }));
    session.abort(failure("CNR_ERR_CLOSED", {}));
    session.fail(new Error("late"));
    link.handler?.closed();
    link.handler?.data(numberFrame(1));
    link.handler?.drained();
    expect([count, session.ended?.code, link.calls]).toEqual([1, "CNR_ERR_CANCELLED", ["abort"]]);
    expect(link.writes).toEqual([]);
  });
});

describe("back-pressure", () => {
  it("makes the side that serves stop reading until its answers are taken", () => {
    const { session, link } = sessions.scripted({ waitsForReader: true, limits: { maxUnsentBytes: 1000 } });
    link.bufferedBytes = 1001;
    sendValue(session, 1);
    session.flush();
    sendValue(session, 1);
    session.flush();
    expect(link.calls).toEqual(["pause"]);
    link.bufferedBytes = 0;
    link.handler?.drained();
    expect(link.calls).toEqual(["pause", "resume"]);
  });

  it("never makes the other side stop: were both to wait, neither would go on", () => {
    const { session, link } = sessions.scripted({ limits: { maxUnsentBytes: 1000 } });
    link.bufferedBytes = 1001;
    sendValue(session, 1);
    session.flush();
    expect(link.calls).toEqual([]);
    expect(session.isSaturated).toBe(true);
  });

  it("answers a ping, but piles up no answers for a reader that stands still", () => {
    const { link } = sessions.scripted();
    link.handler?.data(pingFrame(1));
    expect(kindsOf(link.written)).toEqual([FrameKind.pong]);
    link.bufferedBytes = 1;
    for (let n = 0; n < 100; n++) link.handler?.data(pingFrame(1));
    expect(link.writes).toHaveLength(1);
  });

  it("tells its listeners when all was taken", () => {
    const { session, link } = sessions.scripted();
    let drains = 0;
    session.onDrain(() => drains++);
    link.handler?.drained();
    expect(drains).toBe(1);
  });
});
