import { afterEach, describe, expect, it } from "vitest";
import { ackFrame } from "../../../src/protocol/control-frames.ts";
import type { Session } from "../../../src/session/session.ts";
import { OpenSessions, sendValue } from "./session-pair.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

const MB = 1024 * 1024;
const value = new Uint8Array(MB);

function send(session: Session): void {
  sendValue(session, value);
  session.flush();
}

describe("the other side of a link that takes all", () => {
  it("is cut off when it acknowledges nothing, before it has cost much more than an honest one can", () => {
    const { session, link } = sessions.scripted();
    let sent = 0;
    for (; sent < 1000 && !session.ended; sent++) send(session);
    expect(session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    expect(session.ended?.message).toContain("did not acknowledge");
    expect(sent).toBeGreaterThan(64);
    expect(sent).toBeLessThan(128);
    expect(session.stats.unacknowledgedBytes).toBe(0);
    expect(link.calls).toContain("close");
  });

  it("is blamed for nothing that has not left yet", () => {
    const { session, link } = sessions.scripted();
    for (let n = 0; n < 200; n++) {
      link.bufferedBytes += 1.01 * MB;
      send(session);
    }
    expect(session.ended).toBeUndefined();
  });

  it("goes on for ever when it acknowledges", () => {
    const { session, link } = sessions.scripted();
    for (let n = 0; n < 200; n++) {
      send(session);
      if (n % 20 === 19) link.handler?.data(ackFrame(session.sentFrames));
    }
    expect(session.ended).toBeUndefined();
  });
});
