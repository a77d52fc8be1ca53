import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failure } from "../../src/core/errors.ts";
import { withLimits } from "../../src/core/limits.ts";
import type { Session } from "../../src/session/session.ts";
import { SessionTable } from "../../src/session/session-table.ts";
import { SessionTicket } from "../../src/session/session-ticket.ts";
import { receivedBy, sendValue } from "../unit/session/session-pair.ts";
import { CutWire } from "./cut-wire.ts";
import { greetOver } from "./greet-over.ts";
import { SimulatedNetwork } from "./network.ts";

const SCHEDULES = 3000;
const PER_TEST = 500;
/** More than any schedule needs. */
const MAX_STEPS = 3000;

/** A value in short: what is long is compared here, once. */
function summary(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const [n, long] = value as [number, string | Uint8Array];
  const same =
    typeof long === "string" ? "x".repeat(long.length) === long : long.every((byte) => byte === (n & 255));
  return `${n}: ${long.length} ${same ? "of the same" : "of several"}`;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client and a server whose links are cut as a seed says. */
class Pair {
  readonly limits = withLimits({ maxReplayBytes: 10_000_000 });
  readonly sessions = new SessionTable(this.limits);
  readonly ticket = new SessionTicket();
  readonly draw: (below: number) => number;
  wires: CutWire[] = [];
  readonly met: Session[] = [];
  client: Session | undefined;
  readonly got: { client: unknown[]; server: unknown[] } = { client: [], server: [] };
  readonly sent: { client: unknown[]; server: unknown[] } = { client: [], server: [] };
  cuts = 0;

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
    greetOver(wire, this, this.client, {
      server: (session) => {
        this.met.push(session);
        this.got.server = receivedBy(session);
      },
      client: (session) => {
        this.client = session;
        this.got.client = receivedBy(session);
      },
    });
  }

  send(who: "client" | "server"): void {
    const session = who === "client" ? this.client : this.met[0];
    if (!session) return;
    const value = this.#value(this.sent[who].length);
    this.sent[who].push(value);
    sendValue(session, value);
    session.flush();
  }

  /** One thing that happens. */
  step(isCalm: boolean): boolean {
    if (!this.wire || this.wire.client.isClosed) this.dial();
    if (!isCalm) {
      const what = this.draw(100);
      if (what < 12) this.send("client");
      else if (what < 24) this.send("server");
      else if (what < 27) {
        this.cuts++;
        this.wire?.cut(this.draw);
        return true;
      } else if (what < 29) vi.advanceTimersByTime(50);
    }
    this.wires = this.wires.filter(
      (wire) => wire === this.wire || wire.client.hasNews || wire.server.hasNews,
    );
    const ends = this.wires.flatMap((wire) => [wire.client, wire.server]).filter((end) => end.hasNews);
    ends[this.draw(ends.length || 1)]?.deliver(this.draw);
    return ends.length > 0;
  }

  /** Nothing more is cut: all arrives, and is acknowledged. */
  settle(): void {
    for (let round = 0; round < 4; round++) {
      for (let left = MAX_STEPS; this.step(true); left--) {
        if (left === 0) throw new Error(`it does not come to rest over ${this.wires.length} links`);
      }
      vi.advanceTimersByTime(50);
    }
  }

  end(): void {
    for (const session of [this.client, ...this.met])
      session?.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
  }

  #value(n: number): unknown {
    const kind = this.draw(60);
    if (kind === 0) return [n, new Uint8Array(17_000 + this.draw(3000)).fill(n)];
    if (kind === 1 && this.draw(5) === 0) return [n, "x".repeat(270_000)];
    return n;
  }
}

describe("sessions over links that are cut anywhere", () => {
  it.each(Array.from({ length: SCHEDULES / PER_TEST }, (_, n) => n * PER_TEST + 1))(
    "lose, repeat and reorder nothing, and keep nothing: seeds from %d",
    { timeout: 60_000 },
    (first) => {
      let cuts = 0;
      for (let seed = first; seed < first + PER_TEST; seed++) {
        const pair = new Pair(seed);
        const steps = 50 + pair.draw(250);
        for (let n = 0; n < steps; n++) pair.step(false);
        pair.settle();
        const context = `seed ${seed}`;
        expect(pair.got.server.map(summary), context).toEqual(pair.sent.client.map(summary));
        expect(pair.got.client.map(summary), context).toEqual(pair.sent.server.map(summary));
        expect([pair.met.length, pair.client?.ended, pair.met[0]?.ended], context).toEqual([
          1,
          undefined,
          undefined,
        ]);
        for (const session of [pair.client, pair.met[0]]) {
          expect(session?.stats.unacknowledgedBytes, context).toBe(0);
        }
        cuts += pair.cuts;
        pair.end();
      }
      expect(cuts).toBeGreaterThan(PER_TEST);
    },
  );
});
