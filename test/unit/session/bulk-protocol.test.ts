import { afterEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../../src/core/errors.ts";
import { dataHeader, openFrame, readReset, resetFrame } from "../../../src/protocol/bulk-frames.ts";
import { creditFrame, endFrame } from "../../../src/protocol/control-frames.ts";
import { FrameKind, frameOf, HEADER_BYTES } from "../../../src/protocol/frame.ts";
import type { BulkReceiver } from "../../../src/session/bulk-receiver.ts";
import type { Session } from "../../../src/session/session.ts";
import { heldBytes } from "../../fixtures/heap.ts";
import { acceptedBy, patterned, TEST_BULK } from "./bulk-pair.ts";
import type { ScriptedLink } from "./scripted-link.ts";
import { kindsOf, numberFrame, OpenSessions, type PairOptions, receivedBy, turns } from "./session-pair.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

/** A client whose server is the test: the server opens even channels. */
function accepting(options?: PairOptions): {
  session: Session;
  link: ScriptedLink;
  receivers: BulkReceiver[];
} {
  const scripted = sessions.scripted({ limits: { bulkWindowBytes: 1000, maxBulkChannels: 3 }, ...options });
  return { ...scripted, receivers: acceptedBy(scripted.session) };
}

const open = (id: number, name = "x", type = TEST_BULK): Uint8Array => openFrame(id, { type, name });
const data = (id: number, length: number): Uint8Array =>
  new Uint8Array(Buffer.concat([dataHeader(id, length, 0), patterned(length)]));
const reset = (id: number): Uint8Array => resetFrame(id, { code: "CNR_ERR_CANCELLED", text: "x" });
const all = (...frames: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(frames));

describe("frames of bulk channels that break the protocol", () => {
  const cases: Record<string, Uint8Array> = {
    "data beyond the credit": all(open(2), data(2, 600), data(2, 401)),
    "data beyond the credit in one frame": all(open(2), data(2, 1001)),
    "data on a channel that nobody opened": data(2, 1),
    "data on a channel of this side's": all(open(2), data(1, 1)),
    "data without a byte": all(open(2), data(2, 0)),
    "data behind the end": all(open(2), endFrame(2, 0), data(2, 1)),
    "data behind a reset": all(open(2), reset(2), data(2, 1)),
    "the end twice": all(open(2), endFrame(2, 0), endFrame(2, 0)),
    "the end of a channel that nobody opened": endFrame(4, 0),
    "the end before all bytes": all(open(2), data(2, 5), endFrame(2, 6)),
    "the end with a number that is too short": all(open(2), frameOf(FrameKind.end, new Uint8Array(7), 2)),
    "the end with nothing in it": all(open(2), frameOf(FrameKind.end, new Uint8Array(0), 2)),
    "a reset of a channel that nobody opened": reset(2),
    "a reset of a channel of this side's that is not open yet": reset(1),
    "a reset that is none": all(open(2), frameOf(FrameKind.reset, new Uint8Array([1, 2]), 2)),
    "a reset with too much to say": all(open(2), frameOf(FrameKind.reset, new Uint8Array(4097), 2)),
    "credit for a channel of its own": all(open(2), creditFrame(2, 5)),
    "credit for a channel that is not open yet": creditFrame(1, 5),
    "an open twice": all(open(2), open(2)),
    "an open with a number of this side's": open(1),
    "an open with the number of the session": open(0),
    "an open with a number that was used": all(open(4), endFrame(4, 0), open(2)),
    "an open of a type that nobody accepts": open(2, "x", 77),
    "an open with a name of 1025 characters": open(2, "n".repeat(1025)),
    "an open with too much to say": open(2, "n".repeat(5000)),
    "an open with nothing in it": frameOf(FrameKind.open, new Uint8Array(0), 2),
    "more channels than may be": all(...[2, 4, 6, 8].map((id) => open(id))),
    "a length of 2 MiB": dataHeader(2, 2 * 1024 * 1024, 0),
  };

  it.each(Object.keys(cases))("end that session alone: %s", async (name) => {
    const { session, link } = accepting();
    const bystander = sessions.scripted();
    const got = receivedBy(bystander.session);
    link.handler?.data(cases[name] as Uint8Array);
    await turns(1);
    expect(session.ended).toBeInstanceOf(ProtocolError);
    expect([link.calls, kindsOf(link.written).at(-1)]).toEqual([["close"], FrameKind.bye]);
    bystander.link.handler?.data(numberFrame(7));
    expect([got, bystander.session.ended]).toEqual([[7], undefined]);
  });

  it("are those of features that are not there, where nobody accepts anything", async () => {
    const { session, link } = sessions.scripted();
    link.handler?.data(open(2));
    expect(session.ended).toBeInstanceOf(ProtocolError);
  });

  it("end the session by the reader that gave up too, who is still owed no more than the credit", () => {
    const { session, link, receivers } = accepting();
    link.handler?.data(open(2));
    receivers[0]?.reset();
    link.handler?.data(data(2, 1000));
    expect([session.ended, receivers[0]?.unreadBytes]).toEqual([undefined, 0]);
    link.handler?.data(data(2, 1));
    expect(session.ended).toBeInstanceOf(ProtocolError);
  });
});

describe("frames of bulk channels that cross on the way", () => {
  it("are no matter: credit and reset for a channel that has ended here", async () => {
    const { session, link } = accepting();
    const sender = session.bulk.open(TEST_BULK, "up");
    await sender.end();
    link.handler?.data(all(creditFrame(sender.id, 1000), reset(sender.id), reset(sender.id)));
    expect(session.ended).toBeUndefined();
    expect(kindsOf(link.written)).toEqual([FrameKind.open, FrameKind.end]);
  });

  it("a reset of the reader's is answered once, with the same words", async () => {
    const { session, link } = accepting();
    const sender = session.bulk.open(TEST_BULK, "up");
    link.writes.length = 0;
    link.handler?.data(all(reset(sender.id), reset(sender.id)));
    expect([kindsOf(link.written), session.ended]).toEqual([[FrameKind.reset], undefined]);
    const answer = link.written;
    expect(readReset(answer, HEADER_BYTES, answer.length)).toEqual({ code: "CNR_ERR_CANCELLED", text: "x" });
    await expect(sender.send(new Uint8Array(1))).rejects.toMatchObject({ code: "CNR_ERR_CANCELLED" });
  });

  it("a reset with a code that nobody knows is a failure of the other side", async () => {
    const { link, receivers } = accepting();
    link.handler?.data(all(open(2), resetFrame(2, { code: "__proto__", text: "who knows" })));
    await expect(receivers[0]?.read()).rejects.toMatchObject({ code: "CNR_ERR_REMOTE" });
  });
});

describe("credit", () => {
  it("is counted from the beginning: said twice it counts once, and less than before is nothing", async () => {
    const { session, link } = accepting();
    const sender = session.bulk.open(TEST_BULK, "up");
    void sender.send(patterned(5000));
    await turns(1);
    expect(sender.sentBytes).toBe(0);
    for (const [limit, sent] of [
      [1000, 1000],
      [1000, 1000],
      [1600, 1600],
      [1200, 1600],
      [1700, 1700],
    ] as const) {
      link.handler?.data(creditFrame(sender.id, limit));
      await turns(1);
      expect(sender.sentBytes, `after credit of ${limit}`).toBe(sent);
    }
  });

  it("is given when a channel opens, and again when half of it is used up", async () => {
    const { link, receivers } = accepting();
    const granted = (): number[] => {
      const { written } = link;
      link.writes.length = 0;
      const view = new DataView(written.buffer, written.byteOffset);
      return kindsOf(written).map((kind, n) => {
        expect(kind).toBe(FrameKind.credit);
        return view.getUint32(n * 16 + HEADER_BYTES, true);
      });
    };
    link.handler?.data(open(2));
    expect(granted()).toEqual([1000]);
    link.handler?.data(data(2, 499));
    await receivers[0]?.read();
    expect(granted()).toEqual([]);
    link.handler?.data(data(2, 1));
    await receivers[0]?.read();
    expect(granted()).toEqual([1500]);
    link.handler?.data(all(data(2, 1000), endFrame(2, 1500)));
    await receivers[0]?.read();
    expect(granted()).toEqual([]);
  });
});

describe("memory that a peer can take by bulk bytes", () => {
  it("is what they are, also when they come as single bytes", async () => {
    const { session, link, receivers } = accepting({ limits: { bulkWindowBytes: 1_000_000 } });
    link.handler?.data(open(2));
    const bytes = all(...Array.from({ length: 1000 }, () => data(2, 1)));
    const before = heldBytes();
    for (let n = 0; n < 100; n++) link.handler?.data(bytes.slice());
    expect([session.ended, receivers[0]?.unreadBytes]).toEqual([undefined, 100_000]);
    // As objects of their own they would be 20 MB.
    await expect.poll(() => heldBytes() - before).toBeLessThan(3e6);
  });

  it("does not hold what came in one read with them", () => {
    const { link, receivers } = accepting({ limits: { bulkWindowBytes: 1_000_000 } });
    link.handler?.data(open(2));
    const came = new Uint8Array(60_000);
    came.set(data(2, 1500));
    link.handler?.data(came.subarray(0, HEADER_BYTES + 1500));
    came.fill(0);
    return expect(receivers[0]?.read()).resolves.toEqual(patterned(1500));
  });

  it("is not kept of channels that open and end", () => {
    const { session, link, receivers } = accepting();
    for (let id = 2; id < 20_000; id += 2) link.handler?.data(all(open(id), endFrame(id, 0)));
    expect([session.ended, receivers.length]).toEqual([undefined, 9999]);
  });
});
