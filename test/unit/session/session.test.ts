import { afterEach, describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { ConnectionError, type ConnectorError, failure, ProtocolError } from "../../../src/core/errors.ts";
import { FRAGMENT_BYTES, FrameKind, frameOf, HEADER_BYTES } from "../../../src/protocol/frame.ts";
import { decodeBye, encodeBye } from "../../../src/protocol/handshake-messages.ts";
import type { Session } from "../../../src/session/session.ts";
import { difference } from "../codec/difference.ts";
import { ScriptedLink } from "./scripted-link.ts";
import { receivedBy, sendValue, sessionOver, sessionPair, TEST_MESSAGE, turns } from "./session-pair.ts";

const open: Session[] = [];
afterEach(() => {
  for (const session of open.splice(0)) session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
});

function scripted(...args: Parameters<typeof sessionOver> extends [unknown, ...infer Rest] ? Rest : never): { session: Session; link: ScriptedLink } {
  const link = new ScriptedLink();
  const session = sessionOver(link, ...args);
  open.push(session);
  return { session, link };
}

function pair(options?: Parameters<typeof sessionPair>[0]): [Session, Session] {
  const made = sessionPair(options);
  open.push(...made);
  return made;
}

/** A frame with one test message that holds a small number. */
const numberFrame = (value: number): Uint8Array => frameOf(FrameKind.message, new Uint8Array([TEST_MESSAGE, value]));

function kindsOf(bytes: Uint8Array): number[] {
  const kinds: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    kinds.push(bytes[at + 3] as number);
    at += HEADER_BYTES + ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16));
  }
  return kinds;
}

describe("sending", () => {
  it("puts all messages of a turn into one frame and one write", async () => {
    const { session, link } = scripted();
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
    const { session, link } = scripted();
    session.handle({ [TEST_MESSAGE]: (reader) => sendValue(session, reader.uint() + 1) });
    link.handler?.data(new Uint8Array(Buffer.concat([numberFrame(1), numberFrame(2), numberFrame(3)])));
    expect(link.writes).toHaveLength(1);
    expect([...link.written.subarray(HEADER_BYTES)]).toEqual([TEST_MESSAGE, 2, TEST_MESSAGE, 3, TEST_MESSAGE, 4]);
  });

  it("does not let a turn pile up without bounds", () => {
    const { session, link } = scripted();
    for (let n = 0; n < 100; n++) sendValue(session, "x".repeat(10_000));
    expect(link.writes.length).toBeGreaterThan(10);
    for (const chunks of link.writes) for (const chunk of chunks) expect(chunk.length).toBeLessThan(100_000);
  });

  it("gives the link bytes that nobody writes to again", async () => {
    const { session, link } = scripted();
    for (let n = 0; n < 50; n++) {
      sendValue(session, `message ${n}`);
      session.flush();
    }
    link.writes.forEach((chunks, n) => {
      expect(Buffer.from(Buffer.concat(chunks)).toString()).toContain(`message ${n}`);
    });
  });

  it("leaves nothing of a message that was dropped", async () => {
    const { session, link } = scripted();
    sendValue(session, 1);
    expect(() => sendValue(session, [new Uint8Array(20_000), Symbol("s")])).toThrow(/value\[1\] cannot be sent/);
    sendValue(session, 2);
    session.flush();
    expect([...link.written.subarray(HEADER_BYTES)]).toEqual([TEST_MESSAGE, 1, TEST_MESSAGE, 2]);
    expect(() => sendValue(session, Symbol("s"))).toThrow();
    session.flush();
    expect(link.writes).toHaveLength(1);
  });

  it("refuses a message from inside the getters of another one, and stays usable", async () => {
    const { session, link } = scripted();
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
    const first = scripted();
    const second = scripted();
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
    const { session, link } = scripted();
    let held = [7, 8];
    session.beforeMessage = (): void => {
      const values = held;
      held = [];
      for (const value of values) sendValue(session, value);
    };
    sendValue(session, 1);
    held.push(9);
    await session.close();
    expect([...link.written.subarray(HEADER_BYTES, HEADER_BYTES + 8)]).toEqual([7, 8, 1, 9].flatMap((n) => [TEST_MESSAGE, n]));
  });
});

describe("large values", () => {
  it("travel in fragments, and arrive whole, in order with the small ones", async () => {
    const [a, b] = pair();
    const got = receivedBy(b);
    const text = "0123456789".repeat(300_000);
    const numbers = Array.from({ length: 200_000 }, (_, n) => n * 1.5);
    for (const value of [1, text, 2, numbers, { text }, 3]) sendValue(a, value);
    await turns();
    expect(difference(got, [1, text, 2, numbers, { text }, 3])).toBeUndefined();
  });

  it("travel as raw frames when they are binary, in the memory they are in", async () => {
    const { session, link } = scripted();
    const photo = new Uint8Array(1_000_000).fill(5);
    sendValue(session, { photo });
    session.flush();
    const chunks = link.writes.flat();
    const raw = chunks.filter((chunk) => chunk.buffer === photo.buffer);
    expect(raw.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(1_000_000);
    expect(kindsOf(link.written)).toEqual([FrameKind.raw, FrameKind.raw, FrameKind.raw, FrameKind.raw, FrameKind.message]);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(FRAGMENT_BYTES);
  });

  it("arrive whatever their size and kind, also when several share a turn", async () => {
    const [a, b] = pair();
    const got = receivedBy(b);
    const values: unknown[] = [];
    for (const size of [16_383, 16_384, 16_385, FRAGMENT_BYTES - 1, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 3_000_000]) {
      values.push(new Uint8Array(size).map((_, n) => n + size), { text: "t".repeat(size), buffer: new ArrayBuffer(size) });
    }
    for (const value of values) sendValue(a, value);
    await turns(40);
    expect(difference(got, values)).toBeUndefined();
  });

  it("are refused over the limit, and the session goes on", async () => {
    const [a, b] = pair({ limits: { maxValueBytes: 100_000 } });
    const got = receivedBy(b);
    expect(() => sendValue(a, new Uint8Array(100_001))).toThrow(/limits\.maxValueBytes/);
    expect(() => sendValue(a, "x".repeat(100_001))).toThrow(/limits\.maxValueBytes/);
    sendValue(a, "fits");
    await turns();
    expect(got).toEqual(["fits"]);
  });

  it("pass though the receiver takes only short frames: how they are cut is the protocol's matter", async () => {
    const [a, b] = pair({ limits: { maxFrameBytes: 5000 } });
    const got = receivedBy(b);
    sendValue(a, "y".repeat(1_000_000));
    await turns();
    expect(got).toEqual(["y".repeat(1_000_000)]);
  });
});

describe("a session that is closed", () => {
  it("sends what was sent before, says goodbye, and ends on both sides", async () => {
    const [a, b] = pair();
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
    const [a] = pair();
    await a.close();
    expect(() => a.begin(TEST_MESSAGE)).toThrow(ConnectionError);
    let late: ConnectorError | undefined;
    a.onEnd((reason) => {
      late = reason;
    });
    expect(late?.code).toBe("CNR_ERR_CLOSED");
  });

  it("ends both sides though both close at once", async () => {
    const [a, b] = pair();
    const got = [receivedBy(a), receivedBy(b)];
    sendValue(a, 1);
    sendValue(b, 2);
    await Promise.all([a.close(), b.close()]);
    expect([a.ended?.code, b.ended?.code]).toEqual(["CNR_ERR_CLOSED", "CNR_ERR_CLOSED"]);
    expect(got).toEqual([[], []]);
  });

  it("leaves no message half handled when a handler closes it", async () => {
    const [a, b] = pair();
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
    const without = scripted();
    without.link.handler?.closed();
    expect([without.session.ended?.code, without.session.ended?.retryable]).toEqual(["CNR_ERR_LINK_LOST", true]);
    const { session, link } = scripted();
    const cause = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    link.handler?.closed(cause);
    expect([session.ended?.message, session.ended?.cause]).toEqual(["the link was lost (ECONNRESET)", cause]);
  });

  it("tells every listener once, and stays silent after it", () => {
    const { session, link } = scripted();
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

describe("bytes that break the protocol", () => {
  const cases: Record<string, Uint8Array> = {
    "a frame of an unknown kind": frameOf(99),
    "a hello in the middle": frameOf(FrameKind.hello),
    "a message of an unknown type": frameOf(FrameKind.message, new Uint8Array([250])),
    "a message whose fields are cut off": frameOf(FrameKind.message, new Uint8Array([TEST_MESSAGE, 0x92, 1])),
    "a value that names bytes nobody sent": frameOf(FrameKind.message, new Uint8Array([TEST_MESSAGE, 0xc1, 0x0d, 5])),
    "a length of 16 MiB": new Uint8Array([255, 255, 255, FrameKind.message, 0, 0, 0, 0]),
    "a goodbye that is none": frameOf(FrameKind.bye, new Uint8Array([1, 2, 3])),
    "an HTTP request": new Uint8Array(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
  };

  it.each(Object.keys(cases))("end that session alone, with a word why: %s", async (name) => {
    const { session, link } = scripted();
    const bystander = scripted();
    receivedBy(session);
    const got = receivedBy(bystander.session);
    link.handler?.data(cases[name] as Uint8Array);
    await turns(1);
    expect(session.ended).toBeInstanceOf(ProtocolError);
    expect(link.calls).toEqual(["close"]);
    const bye = decodeBye(link.written.subarray(HEADER_BYTES));
    expect([kindsOf(link.written), bye.code]).toEqual([[FrameKind.bye], "CNR_ERR_PROTOCOL"]);
    expect(bye.text).toBe(session.ended?.details["reason"]);
    bystander.link.handler?.data(numberFrame(7));
    expect(got).toEqual([7]);
  });

  it("end the session once, when they come behind a close in the same message", async () => {
    const { session, link } = scripted();
    session.handle({
      [TEST_MESSAGE]: () => {
        void session.close();
        throw new Error("and then this");
      },
    });
    link.handler?.data(numberFrame(1));
    await turns(1);
    expect([session.ended?.code, kindsOf(link.written)]).toEqual(["CNR_ERR_CLOSED", [FrameKind.bye]]);
  });

  it("are told to the side that sent them", async () => {
    const [a, b] = pair();
    a.begin(251);
    a.commit();
    await turns();
    expect(b.ended?.code).toBe("CNR_ERR_PROTOCOL");
    expect(a.ended?.code).toBe("CNR_ERR_PROTOCOL");
    expect(a.ended?.message).toContain("a message of unknown type 251");
  });

  it("cannot pile up memory that no message ever uses", () => {
    const { session, link } = scripted({ limits: { maxValueBytes: 1_000_000 } });
    const raw = frameOf(FrameKind.raw, new Uint8Array(200_000));
    for (let n = 0; n < 50 && !session.ended; n++) link.handler?.data(raw);
    expect(session.ended).toBeInstanceOf(ProtocolError);
    const other = scripted({ limits: { maxValueBytes: 1_000_000 } });
    const more = frameOf(FrameKind.more, new Uint8Array(200_000));
    for (let n = 0; n < 50 && !other.session.ended; n++) other.link.handler?.data(more);
    expect(other.session.ended).toBeInstanceOf(ProtocolError);
  });

  it("cannot pile up memory by frames with nothing in them", () => {
    const { session, link } = scripted();
    const got = receivedBy(session);
    const chunk = new Uint8Array(Buffer.concat(Array.from({ length: 8000 }, (_, n) => frameOf(n % 2 ? FrameKind.more : FrameKind.raw))));
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 100; n++) link.handler?.data(chunk);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60e6);
    link.handler?.data(numberFrame(3));
    expect([got, session.ended]).toEqual([[3], undefined]);
  });
});

describe("a goodbye of the other side", () => {
  it("with a code ends the session with that error", () => {
    const { session, link } = scripted();
    link.handler?.data(frameOf(FrameKind.bye, encodeBye({ code: "CNR_ERR_HEARTBEAT", text: "silent" })));
    expect([session.ended?.code, link.calls]).toEqual(["CNR_ERR_HEARTBEAT", ["close"]]);
  });

  it("with a code that nobody knows is a broken protocol", () => {
    const { session, link } = scripted();
    link.handler?.data(frameOf(FrameKind.bye, encodeBye({ code: "toString", text: "what" })));
    expect([session.ended?.code, session.ended?.message.includes("what")]).toEqual(["CNR_ERR_PROTOCOL", true]);
  });

  it("with code and text of any kind never does harm", () => {
    const writer = new ByteWriter();
    writer.string("__proto__");
    writer.string("\u0000".repeat(500));
    const { session, link } = scripted();
    link.handler?.data(frameOf(FrameKind.bye, writer.bytes.slice(0, writer.position)));
    expect(session.ended?.code).toBe("CNR_ERR_PROTOCOL");
  });
});

describe("back-pressure", () => {
  it("makes the side that serves stop reading until its answers are taken", () => {
    const { session, link } = scripted({ waitsForReader: true, limits: { maxUnsentBytes: 1000 } });
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
    const { session, link } = scripted({ limits: { maxUnsentBytes: 1000 } });
    link.bufferedBytes = 1001;
    sendValue(session, 1);
    session.flush();
    expect(link.calls).toEqual([]);
    expect(session.isSaturated).toBe(true);
  });

  it("answers a ping, but piles up no answers for a reader that stands still", () => {
    const { link } = scripted();
    link.handler?.data(frameOf(FrameKind.ping));
    expect(kindsOf(link.written)).toEqual([FrameKind.pong]);
    link.bufferedBytes = 1;
    for (let n = 0; n < 100; n++) link.handler?.data(frameOf(FrameKind.ping));
    expect(link.writes).toHaveLength(1);
  });

  it("tells its listeners when all was taken", () => {
    const { session, link } = scripted();
    let drains = 0;
    session.onDrain(() => drains++);
    link.handler?.drained();
    expect(drains).toBe(1);
  });
});
