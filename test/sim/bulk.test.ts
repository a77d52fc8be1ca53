import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failure } from "../../src/core/errors.ts";
import { withLimits } from "../../src/core/limits.ts";
import type { BulkReceiver } from "../../src/session/bulk-receiver.ts";
import type { BulkSender } from "../../src/session/bulk-sender.ts";
import type { Session } from "../../src/session/session.ts";
import { SessionTable } from "../../src/session/session-table.ts";
import { SessionTicket } from "../../src/session/session-ticket.ts";
import { acceptedBy, patterned, TEST_BULK } from "../unit/session/bulk-pair.ts";
import { receivedBy, sendValue } from "../unit/session/session-pair.ts";
import { CutWire } from "./cut-wire.ts";
import { greetOver } from "./greet-over.ts";
import { SimulatedNetwork } from "./network.ts";

const SCHEDULES = 300;
const PER_TEST = 100;
/** More than any schedule needs. */
const MAX_STEPS = 20_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What `endOfTurn` and promises have put off. */
const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One side: what it sends, and what it has got. */
class Side {
  session: Session | undefined;
  receivers: BulkReceiver[] = [];
  messages: unknown[] = [];
  sentMessages = 0;
  readonly senders: BulkSender[] = [];
  /** Bytes of each channel: those that were sent, and those that have come. */
  readonly sent: number[] = [];
  readonly got = new Map<number, Uint8Array[]>();
  readonly finished = new Set<number>();

  begun(session: Session): void {
    this.session = session;
    this.receivers = acceptedBy(session);
    this.messages = receivedBy(session);
  }

  open(): void {
    if (!this.session || this.senders.length >= 4) return;
    this.senders.push(this.session.bulk.open(TEST_BULK, `${this.senders.length}`));
    this.sent.push(0);
  }

  send(which: number, length: number): void {
    const [sender, at] = [this.senders[which], this.sent[which]];
    if (!sender || at === undefined) return;
    this.sent[which] = at + length;
    sender.send(patterned(length, at)).catch(() => {});
  }

  say(): void {
    if (!this.session) return;
    sendValue(this.session, this.sentMessages++);
    this.session.flush();
  }

  read(which: number): void {
    const receiver = this.receivers[which];
    if (!receiver || (receiver.unreadBytes === 0 && !receiver.isOver)) return;
    void receiver.read().then((bytes) => {
      if (bytes) this.got.set(which, [...(this.got.get(which) ?? []), bytes]);
      else this.finished.add(which);
    });
  }
}

/** A client and a server whose links are cut as a seed says. */
class Pair {
  readonly limits = withLimits({ bulkWindowBytes: 20_000, maxReplayBytes: 10_000_000 });
  readonly sessions = new SessionTable(this.limits);
  readonly ticket = new SessionTicket();
  readonly draw: (below: number) => number;
  readonly client = new Side();
  readonly server = new Side();
  wires: CutWire[] = [];
  cuts = 0;
  most = 0;

  constructor(seed: number) {
    const network = new SimulatedNetwork(seed * 2_654_435_761);
    this.draw = (below) => network.random(below);
  }

  get wire(): CutWire | undefined {
    return this.wires.at(-1);
  }

  dial(): void {
    const wire = new CutWire();
    this.wires.push(wire);
    greetOver(wire, this, this.client.session, {
      server: (session) => this.server.begun(session),
      client: (session) => this.client.begun(session),
    });
  }

  /** One thing that happens. */
  async step(isCalm: boolean): Promise<boolean> {
    if (!this.wire || this.wire.client.isClosed) this.dial();
    if (!isCalm && this.#disturb()) return true;
    await endOfTurn();
    this.#read(isCalm);
    this.wires = this.wires.filter(
      (wire) => wire === this.wire || wire.client.hasNews || wire.server.hasNews,
    );
    const ends = this.wires.flatMap((wire) => [wire.client, wire.server]).filter((end) => end.hasNews);
    ends[this.draw(ends.length || 1)]?.deliver(this.draw);
    return ends.length > 0;
  }

  /** Says whether the wire was cut. */
  #disturb(): boolean {
    const side = this.draw(2) === 0 ? this.client : this.server;
    const what = this.draw(100);
    if (what < 6) side.open();
    else if (what < 26) side.send(this.draw(4), 1 + this.draw(this.draw(4) === 0 ? 60_000 : 3000));
    else if (what < 34) side.say();
    else if (what < 39) {
      this.cuts++;
      this.wire?.cut(this.draw);
      return true;
    } else if (what < 42) vi.advanceTimersByTime(50);
    return false;
  }

  #read(all: boolean): void {
    for (const side of [this.client, this.server]) {
      for (let n = 0; n < side.receivers.length; n++) if (all || this.draw(3) === 0) side.read(n);
      for (const receiver of side.receivers) this.most = Math.max(this.most, receiver.unreadBytes);
    }
  }

  /** Nothing more is cut: all arrives, and is acknowledged. */
  async settle(): Promise<void> {
    for (const { senders } of [this.client, this.server]) {
      for (const sender of senders) void sender.end().catch(() => {});
    }
    for (let round = 0; round < 8; round++) {
      for (let left = MAX_STEPS; await this.step(true); left--) {
        if (left === 0) throw new Error("it does not come to rest");
      }
      vi.advanceTimersByTime(50);
    }
  }

  end(): void {
    for (const { session } of [this.client, this.server]) {
      session?.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
    }
  }
}

describe("bulk channels over links that are cut anywhere", () => {
  it.each(Array.from({ length: SCHEDULES / PER_TEST }, (_, n) => n * PER_TEST + 1))(
    "lose, repeat and move no byte, beside messages, and keep nothing: seeds from %d",
    { timeout: 60_000 },
    async (first) => {
      let cuts = 0;
      let bytes = 0;
      for (let seed = first; seed < first + PER_TEST; seed++) {
        const pair = new Pair(seed);
        const steps = 50 + pair.draw(200);
        for (let n = 0; n < steps; n++) await pair.step(false);
        await pair.settle();
        const context = `seed ${seed}`;
        for (const [from, to] of [
          [pair.client, pair.server],
          [pair.server, pair.client],
        ] as const) {
          expect(to.messages, context).toEqual(Array.from({ length: from.sentMessages }, (_, n) => n));
          expect(to.receivers.length, context).toBe(from.senders.length);
          expect(to.finished.size, context).toBe(from.senders.length);
          from.sent.forEach((length, n) => {
            const got = Buffer.concat(to.got.get(n) ?? []);
            expect([got.length, Buffer.compare(got, patterned(length))], context).toEqual([length, 0]);
            bytes += length;
          });
          expect(from.session?.ended, context).toBeUndefined();
          expect(from.session?.stats.unacknowledgedBytes ?? 0, context).toBe(0);
        }
        expect(pair.most, context).toBeLessThanOrEqual(pair.limits.bulkWindowBytes);
        cuts += pair.cuts;
        pair.end();
      }
      expect(cuts).toBeGreaterThan(PER_TEST);
      expect(bytes).toBeGreaterThan(PER_TEST * 100_000);
    },
  );
});
