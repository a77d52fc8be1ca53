import { describe, expect, it } from "vitest";
import { ConnectorError, failure } from "../../src/core/errors.ts";
import { dataHeader, openFrame, resetFrame } from "../../src/protocol/bulk-frames.ts";
import { ackFrame, creditFrame, endFrame } from "../../src/protocol/control-frames.ts";
import type { BulkReceiver } from "../../src/session/bulk-receiver.ts";
import type { Session } from "../../src/session/session.ts";
import { TEST_BULK } from "../unit/session/bulk-pair.ts";
import { ScriptedLink } from "../unit/session/scripted-link.ts";
import { sessionOver } from "../unit/session/session-pair.ts";
import { fuzz, type Random } from "./random.ts";

const WINDOW_BYTES = 500;
const CHANNELS = 4;

/** A frame that could be one of a conversation about few channels. */
function frame(random: Random): Uint8Array {
  const id = random.below(9);
  switch (random.below(7)) {
    case 0:
    case 1:
      return openFrame(id, { type: TEST_BULK, name: "x" });
    case 2:
    case 3: {
      const length = random.below(200);
      return new Uint8Array(
        Buffer.concat([dataHeader(id, length, random.pick([0, 0x80])), Buffer.alloc(length)]),
      );
    }
    case 4:
      return endFrame(id, random.pick([0, 100]));
    case 5:
      return random.pick([creditFrame(id, random.below(2000)), ackFrame(random.below(5))]);
    default:
      return resetFrame(id, { code: random.pick(["CNR_ERR_CANCELLED", "?"]), text: "x" });
  }
}

/** A session that takes what comes, reads some of it, gives up some, and sends a little. */
class Target {
  readonly link = new ScriptedLink();
  readonly session: Session;
  readonly receivers: BulkReceiver[] = [];
  readonly reasons: unknown[] = [];

  constructor(random: Random) {
    const limits = { bulkWindowBytes: WINDOW_BYTES, maxBulkChannels: CHANNELS };
    this.session = sessionOver(this.link, { limits });
    const failed = (reason: unknown): void => void this.reasons.push(reason);
    this.session.beforeBulk = (bulk) =>
      bulk.accept(TEST_BULK, (receiver) => {
        this.receivers.push(receiver);
        if (random.below(3) === 0) receiver.reset();
        else if (random.below(2) === 0) receiver.read().catch(failed);
      });
    for (let n = random.below(3); n > 0; n--) {
      const sender = this.session.bulk.open(TEST_BULK, "up");
      sender.send(new Uint8Array(1000)).catch(failed);
      sender.end().catch(failed);
    }
  }

  get unreadBytes(): number {
    return this.receivers.reduce((sum, receiver) => sum + receiver.unreadBytes, 0);
  }
}

describe("frames of bulk channels in any order", () => {
  it("are taken, or end the session by a named error; what is unread has its limit", async () => {
    let lived = 0;
    await fuzz(4000, async (random) => {
      const target = new Target(random);
      const { session, link, reasons } = target;
      for (let n = 1 + random.below(12); n > 0 && !session.ended; n--) {
        const bytes = random.below(8) === 0 ? random.mutate(frame(random)) : frame(random);
        for (const chunk of random.split(bytes)) link.handler?.data(chunk);
        if (random.below(3) === 0) await Promise.resolve();
        expect(target.unreadBytes).toBeLessThanOrEqual(WINDOW_BYTES * CHANNELS);
      }
      if (session.ended) expect(session.ended.code).toMatch(/^CNR_ERR_/);
      else lived++;
      session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
      await Promise.resolve();
      expect(reasons.filter((reason) => !ConnectorError.is(reason))).toEqual([]);
    });
    expect(lived).toBeGreaterThan(20);
  });
});
