import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { queueSamples } from "./wire-samples.ts";

const golden = JSON.parse(
  readFileSync(new URL("../../golden/queues.json", import.meta.url), "utf8"),
) as Record<string, string>;

/** A change of these bytes is a change of the protocol: programs of another release would not understand it. */
describe("the bytes of messages about queues", () => {
  it("are those of test/golden/queues.json", async () => {
    expect(await queueSamples()).toEqual(golden);
  });

  it("use the numbers that these messages have always had", () => {
    const numbers = Object.entries(MessageType).filter(([name]) => name.startsWith("queue"));
    expect(Object.fromEntries(numbers)).toEqual({
      queueOpen: 48,
      queueForget: 49,
      queuePut: 50,
      queueCancel: 51,
      queueAsk: 52,
      queueSettled: 53,
      queueAnswer: 54,
      queueRefused: 55,
      queueDemand: 56,
      queueWithdraw: 57,
      queueItem: 58,
      queueNothing: 59,
      queueEnd: 60,
      queueAcknowledge: 61,
      queueReturn: 62,
      queueDeny: 63,
    });
  });
});
