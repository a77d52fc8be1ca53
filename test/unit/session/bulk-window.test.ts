import { describe, expect, it } from "vitest";
import { BulkWindow } from "../../../src/session/bulk-window.ts";

const KIB = 1024;

/** A window over a network of one queue: so many bytes a millisecond, after so long a way. */
class Way {
  nowMs = 0;
  readonly window = new BulkWindow(() => this.nowMs, 1e9);
  readonly bytesPerMs: number;
  readonly wayMs: number;
  /** When the queue will be empty. */
  #freeAtMs = 0;
  #number = 0;
  #acknowledgements: { atMs: number; number: number }[] = [];
  longestQueueMs = 0;
  flagged = 0;

  constructor(bytesPerMs: number, wayMs: number) {
    this.bytesPerMs = bytesPerMs;
    this.wayMs = wayMs;
  }

  get number(): number {
    return this.#number;
  }

  /** Sends as much as the window allows. */
  fill(): void {
    while (this.window.hasRoom) this.sendOne();
  }

  sendOne(bytes: number = this.window.chunkBytes): boolean {
    const isUrgent = this.window.sent(++this.#number, bytes);
    if (isUrgent) this.flagged++;
    this.#freeAtMs = Math.max(this.#freeAtMs, this.nowMs) + bytes / this.bytesPerMs;
    this.longestQueueMs = Math.max(this.longestQueueMs, this.#freeAtMs - this.nowMs);
    if (isUrgent) {
      this.#acknowledgements.push({ atMs: this.#freeAtMs + this.wayMs, number: this.#number });
    }
    return isUrgent;
  }

  /** Until the next acknowledgement has come. */
  step(): void {
    const next = this.#acknowledgements.shift();
    if (!next) throw new Error("nothing is on the way");
    this.nowMs = Math.max(this.nowMs, next.atMs);
    this.window.acknowledged(next.number);
  }

  run(steps: number): void {
    for (let n = 0; n < steps; n++) {
      this.fill();
      this.step();
    }
  }
}

describe("the window over bulk data", () => {
  it("begins at 128 KiB, and cuts pieces of an eighth of it, between 4 and 64 KiB", () => {
    const { window } = new Way(1000, 10);
    expect([window.bytes, window.chunkBytes, window.hasRoom]).toEqual([128 * KIB, 16 * KIB, true]);
  });

  it("is closed by what is not acknowledged, and opened by what is", () => {
    const way = new Way(1000, 10);
    way.fill();
    expect([way.window.outstandingBytes, way.window.hasRoom]).toEqual([128 * KIB, false]);
    expect(way.window.acknowledged(0)).toBe(false);
    expect(way.window.hasRoom).toBe(false);
    expect(way.window.acknowledged(2)).toBe(true);
    expect([way.window.outstandingBytes, way.window.hasRoom]).toEqual([96 * KIB, true]);
    expect(way.window.acknowledged(2)).toBe(false);
    expect(way.window.acknowledged(1_000_000)).toBe(true);
    expect(way.window.outstandingBytes).toBe(0);
  });

  it("asks with the first frame, four times a window, and with the last before it is full", () => {
    const way = new Way(1000, 10);
    const asked: boolean[] = [];
    while (way.window.hasRoom) asked.push(way.sendOne());
    expect(asked).toEqual([true, false, true, false, true, false, true, true]);
  });

  it("grows fast on a fast and long way, as long as no queue is seen", () => {
    const way = new Way(100_000, 40);
    way.run(400);
    expect(way.window.bytes).toBeGreaterThan(2 * 1024 * KIB);
    expect(way.window.bytes).toBeLessThanOrEqual(16 * 1024 * KIB);
    expect(way.window.chunkBytes).toBe(64 * KIB);
  });

  it("never grows beyond 16 MiB", () => {
    const way = new Way(1e9, 100);
    way.run(3000);
    expect(way.window.bytes).toBe(16 * 1024 * KIB);
  });

  it("never grows beyond what it is told, nor begins there", () => {
    let nowMs = 0;
    const window = new BulkWindow(() => nowMs, 50_000);
    expect(window.bytes).toBe(50_000);
    for (let number = 1; number < 100; number++) {
      window.sent(number, 50_000);
      nowMs += 40;
      window.acknowledged(number);
    }
    expect(window.bytes).toBe(50_000);
    window.restart();
    expect(window.bytes).toBe(50_000);
  });

  it("is at most 256 KiB where the way takes less than a millisecond", () => {
    const way = new Way(1e6, 0.2);
    way.run(1000);
    expect(way.window.bytes).toBe(256 * KIB);
    const far = new Way(1e9, 100);
    far.run(300);
    far.window.timed(0.5);
    expect(far.window.bytes).toBe(256 * KIB);
  });

  it("keeps the queue of a slow way short, and the way busy", () => {
    // 20 Mbit/s, 80 ms: 200 KB are on the way when it is full.
    const way = new Way(2500, 80);
    way.window.timed(80);
    way.run(100);
    way.longestQueueMs = 0;
    const [from, sentBefore] = [way.nowMs, way.number];
    way.run(400);
    expect(way.longestQueueMs).toBeLessThan(80);
    expect(way.window.bytes).toBeGreaterThan(150 * KIB);
    expect(way.window.bytes).toBeLessThan(450 * KIB);
    expect(way.nowMs).toBeGreaterThan(from);
    expect(way.number).toBeGreaterThan(sentBefore + 400);
  });

  it("shrinks once a round trip, by half at most, and never below 32 KiB", () => {
    const way = new Way(1000, 0);
    way.window.timed(2);
    way.sendOne(64 * KIB);
    way.sendOne(64 * KIB);
    way.nowMs = 500;
    way.window.acknowledged(1);
    const once = way.window.bytes;
    expect(once).toBeLessThan(128 * KIB);
    expect(once).toBeGreaterThanOrEqual(64 * KIB);
    way.window.acknowledged(2);
    expect(way.window.bytes).toBe(once);
    for (let n = 0; n < 20; n++) {
      way.sendOne();
      way.nowMs += 2000;
      way.window.acknowledged(way.number);
    }
    expect(way.window.bytes).toBe(32 * KIB);
    expect(way.window.chunkBytes).toBe(4 * KIB);
  });

  it("does not grow where it is not used", () => {
    const way = new Way(1e6, 40);
    for (let n = 0; n < 100; n++) {
      way.sendOne(4 * KIB);
      way.nowMs += 40;
      way.window.acknowledged(way.number);
    }
    expect(way.window.bytes).toBe(128 * KIB);
  });

  it("begins anew over another link; what is sent again counts, and measures nothing", () => {
    const way = new Way(100_000, 40);
    way.run(200);
    way.fill();
    const outstanding = way.window.outstandingBytes;
    way.window.restart();
    expect([way.window.bytes, way.window.outstandingBytes, way.window.hasRoom]).toEqual([
      128 * KIB,
      outstanding,
      false,
    ]);
    way.nowMs += 60_000;
    way.window.acknowledged(way.number);
    expect([way.window.bytes, way.window.outstandingBytes]).toEqual([128 * KIB, 0]);
    // The way is measured afresh: what would have been a long queue on the old one is none.
    expect(way.sendOne()).toBe(true);
    way.nowMs += 300;
    way.window.acknowledged(way.number);
    expect(way.window.bytes).toBe(128 * KIB);
  });
});
