import { describe, expect, it } from "vitest";
import { Inbox } from "../../../src/session/inbox.ts";

const KB = 1024;

/** Bytes as they stand in what came in one read. */
function inChunk(length: number): Uint8Array {
  return new Uint8Array(64 * KB).fill(7).subarray(100, 100 + length);
}

describe("attachments that wait for their message", () => {
  it("do not hold the whole of each read that a few of their bytes came in", () => {
    const inbox = new Inbox(KB * KB);
    let held = 0;
    for (let n = 0; n < 100; n++) inbox.addRaw(inChunk(KB), true);
    for (let n = 0; n < 100; n++) held += inbox.takeAttachment(KB).buffer.byteLength;
    expect(held).toBeLessThan(400 * KB);
  });

  it("are the received bytes themselves where those are most of a read", () => {
    const inbox = new Inbox(KB * KB);
    const piece = inChunk(60 * KB);
    inbox.addRaw(piece, true);
    expect(inbox.takeAttachment(60 * KB)).toBe(piece);
  });
});
