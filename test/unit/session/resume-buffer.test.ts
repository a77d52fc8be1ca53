import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../src/core/errors.ts";
import { FrameKind, frameOf } from "../../../src/protocol/frame.ts";
import { ReplayBudget } from "../../../src/session/replay-budget.ts";
import { ResumeBuffer } from "../../../src/session/resume-buffer.ts";

const message = (n: number): Uint8Array => frameOf(FrameKind.message, new Uint8Array([n]));
/** A raw frame as it is written: its header, then bytes of somebody else. */
const raw = (length: number): [Uint8Array, Uint8Array] => {
  const bytes = frameOf(FrameKind.raw, new Uint8Array(length));
  return [bytes.slice(0, 8), bytes.slice(8)];
};

describe("the frames that are kept for replay", () => {
  it("are the chunks that were written, not copies, until they are acknowledged", () => {
    const buffer = new ResumeBuffer(undefined);
    const [header, payload] = raw(100);
    const chunks = [header, payload, message(1)];
    expect(buffer.push(chunks, 2)).toBe(8 + 100 + 9);
    buffer.push([message(2)], 1);
    expect([buffer.sentFrames, buffer.bytes]).toEqual([3, 126]);
    expect(buffer.chunks().slice(0, 3)).toEqual(chunks);
    expect(buffer.chunks()[1]).toBe(payload);
  });

  it("leave one by one, a raw frame with both its chunks", () => {
    const buffer = new ResumeBuffer(undefined);
    const last = message(2);
    buffer.push([...raw(100), message(1), last], 3);
    buffer.acknowledge(1);
    expect([buffer.bytes, buffer.chunks().length]).toEqual([18, 2]);
    buffer.acknowledge(2);
    expect(buffer.chunks()).toEqual([last]);
    buffer.acknowledge(2);
    buffer.acknowledge(3);
    expect([buffer.bytes, buffer.chunks()]).toEqual([0, []]);
  });

  it("are not acknowledged before they were sent, nor less than before", () => {
    const buffer = new ResumeBuffer(undefined);
    expect(() => buffer.acknowledge(1)).toThrow(ProtocolError);
    buffer.push([message(1), message(2)], 2);
    expect([buffer.isPlausible(0), buffer.isPlausible(2), buffer.isPlausible(3)]).toEqual([
      true,
      true,
      false,
    ]);
    buffer.acknowledge(1);
    expect(() => buffer.acknowledge(0)).toThrow(/an acknowledgement of 0 frames \(1 acknowledged, 2 sent\)/);
    expect(() => buffer.acknowledge(3)).toThrow(ProtocolError);
    expect(buffer.chunks()).toEqual([message(2)]);
  });
});

describe("what several sessions keep together", () => {
  it("is counted, and whoever waits for room hears of it once", () => {
    let full = 0;
    const budget = new ReplayBudget(20, () => void full++);
    const [a, b] = [new ResumeBuffer(budget), new ResumeBuffer(budget)];
    let heard = 0;
    const listener = (): void => void heard++;
    a.push([message(1), message(2)], 2);
    expect([budget.isFull, full]).toEqual([false, 0]);
    b.push([message(1)], 1);
    expect([budget.isFull, full]).toEqual([true, 1]);
    budget.whenRoom(listener);
    budget.whenRoom(listener);
    a.acknowledge(1);
    expect([budget.isFull, heard]).toEqual([false, 1]);
    b.push([message(2), message(3)], 2);
    a.clear();
    b.clear();
    expect([budget.isFull, heard]).toEqual([false, 1]);
  });
});
