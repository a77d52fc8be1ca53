import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Countdown } from "../../../src/session/countdown.ts";

describe("a countdown", () => {
  it("of more time than a timer takes is not over at once", async () => {
    let isOver = false;
    const countdown = new Countdown(Number.MAX_SAFE_INTEGER, () => {
      isOver = true;
    });
    await sleep(200);
    countdown.stop();
    expect(isOver).toBe(false);
  });

  it("calls back once, when its time is over", async () => {
    let calls = 0;
    await new Promise<void>((resolve) => {
      new Countdown(5, () => {
        calls++;
        resolve();
      });
    });
    await sleep(20);
    expect(calls).toBe(1);
  });
});
