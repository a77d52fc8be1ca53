import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FrameKind } from "../../../src/protocol/frame.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { decodeBytes } from "../codec/codec-pair.ts";
import { difference } from "../codec/difference.ts";
import { goldenValues } from "./golden-values.ts";
import { channelSamples, frameSamples, type Samples, valueSamples } from "./wire-samples.ts";

function golden<T = Samples>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../golden/${name}.json`, import.meta.url), "utf8")) as T;
}

/** A change of these bytes is a change of the protocol: programs of another release would not understand it. */
describe("the bytes on the wire", () => {
  it("are, of frames, those of test/golden/frames.json", () => {
    expect(frameSamples()).toEqual(golden("frames"));
  });

  it("are, of values, those of test/golden/values.json", () => {
    expect(valueSamples()).toEqual(golden("values"));
  });

  it("are, of messages about channels, those of test/golden/channels.json", async () => {
    expect(await channelSamples()).toEqual(golden("channels"));
  });

  it("are still understood", () => {
    for (const [name, hex] of Object.entries(golden("values"))) {
      // It travels beside its message.
      if (name === "large bytes") continue;
      const got = decodeBytes(Buffer.from(hex, "hex"));
      // An error whose stack was left out gets a stack of its own.
      if (got instanceof Error) got.stack = "";
      expect(difference(got, goldenValues[name]), name).toBeUndefined();
    }
  });

  it("use the numbers that kinds and messages have always had", () => {
    const numbers = golden<Record<string, Record<string, number>>>("numbers");
    expect(FrameKind).toEqual(numbers["frames"]);
    expect(MessageType).toMatchObject(numbers["messages"] ?? {});
  });
});
