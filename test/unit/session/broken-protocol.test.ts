import { afterEach, describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import { FrameKind, frameOf, HEADER_BYTES } from "../../../src/protocol/frame.ts";
import { decodeBye, encodeBye } from "../../../src/protocol/handshake-messages.ts";
import { kindsOf, numberFrame, OpenSessions, receivedBy, TEST_MESSAGE, turns } from "./session-pair.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

describe("bytes that break the protocol", () => {
  const cases: Record<string, Uint8Array> = {
    "a frame of an unknown kind": frameOf(99),
    "a hello in the middle": frameOf(FrameKind.hello),
    "a message of an unknown type": frameOf(FrameKind.message, new Uint8Array([250])),
    "a message whose fields are cut off": frameOf(FrameKind.message, new Uint8Array([TEST_MESSAGE, 0x92, 1])),
    "a value that names bytes nobody sent": frameOf(
      FrameKind.message,
      new Uint8Array([TEST_MESSAGE, 0xc1, 0x0d, 5]),
    ),
    "a length of 16 MiB": new Uint8Array([255, 255, 255, FrameKind.message, 0, 0, 0, 0]),
    "a goodbye that is none": frameOf(FrameKind.bye, new Uint8Array([1, 2, 3])),
    "an HTTP request": new Uint8Array(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
  };

  it.each(Object.keys(cases))("end that session alone, with a word why: %s", async (name) => {
    const { session, link } = sessions.scripted();
    const bystander = sessions.scripted();
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
    const { session, link } = sessions.scripted();
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
    const [a, b] = sessions.pair();
    a.begin(251);
    a.commit();
    await turns();
    expect(b.ended?.code).toBe("CNR_ERR_PROTOCOL");
    expect(a.ended?.code).toBe("CNR_ERR_PROTOCOL");
    expect(a.ended?.message).toContain("a message of unknown type 251");
  });

  it("cannot pile up memory that no message ever uses", () => {
    const { session, link } = sessions.scripted({ limits: { maxValueBytes: 1_000_000 } });
    const raw = frameOf(FrameKind.raw, new Uint8Array(200_000));
    for (let n = 0; n < 50 && !session.ended; n++) link.handler?.data(raw);
    expect(session.ended).toBeInstanceOf(ProtocolError);
    const other = sessions.scripted({ limits: { maxValueBytes: 1_000_000 } });
    const more = frameOf(FrameKind.more, new Uint8Array(200_000));
    for (let n = 0; n < 50 && !other.session.ended; n++) other.link.handler?.data(more);
    expect(other.session.ended).toBeInstanceOf(ProtocolError);
  });

  it("cannot pile up memory by frames with nothing in them", () => {
    const { session, link } = sessions.scripted();
    const got = receivedBy(session);
    const chunk = new Uint8Array(
      Buffer.concat(Array.from({ length: 8000 }, (_, n) => frameOf(n % 2 ? FrameKind.more : FrameKind.raw))),
    );
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 100; n++) link.handler?.data(chunk);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60e6);
    link.handler?.data(numberFrame(3));
    expect([got, session.ended]).toEqual([[3], undefined]);
  });
});

describe("a goodbye of the other side", () => {
  it("with a code ends the session with that error", () => {
    const { session, link } = sessions.scripted();
    link.handler?.data(frameOf(FrameKind.bye, encodeBye({ code: "CNR_ERR_HEARTBEAT", text: "silent" })));
    expect([session.ended?.code, link.calls]).toEqual(["CNR_ERR_HEARTBEAT", ["close"]]);
  });

  it("with a code that nobody knows is a broken protocol", () => {
    const { session, link } = sessions.scripted();
    link.handler?.data(frameOf(FrameKind.bye, encodeBye({ code: "toString", text: "what" })));
    expect([session.ended?.code, session.ended?.message.includes("what")]).toEqual([
      "CNR_ERR_PROTOCOL",
      true,
    ]);
  });

  it("with code and text of any kind never does harm", () => {
    const writer = new ByteWriter();
    writer.string("__proto__");
    writer.string("\u0000".repeat(500));
    const { session, link } = sessions.scripted();
    link.handler?.data(frameOf(FrameKind.bye, writer.bytes.slice(0, writer.position)));
    expect(session.ended?.code).toBe("CNR_ERR_PROTOCOL");
  });
});
