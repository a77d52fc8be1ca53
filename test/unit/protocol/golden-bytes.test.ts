import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { ValueEncoder } from "../../../src/codec/value-encoder.ts";
import { FrameKind, frameOf, writeFrameHeader } from "../../../src/protocol/frame.ts";
import { encodeBye, encodeHello, encodeWelcome } from "../../../src/protocol/handshake-messages.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { WireTap } from "../session/wire-tap.ts";
import { goldenValues } from "./golden-values.ts";

type Golden = Readonly<Record<string, string>>;

function golden(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`../../golden/${name}.json`, import.meta.url), "utf8")) as Golden;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const limits = { maxValueBytes: 67_108_864, maxDepth: 200, channelWindowBytes: 1_048_576 };

/** A change of these bytes is a change of the protocol: old programs would not understand it. */
describe("the bytes on the wire", () => {
  it("are, of frames, what test/golden/frames.json holds", () => {
    const header = new Uint8Array(8);
    writeFrameHeader(header, 0, 0x010203, FrameKind.message, 0xfedcba98);
    const sessionId = new Uint8Array(16).map((_, n) => n + 1);
    expect({
      header: hex(header),
      hello: hex(frameOf(FrameKind.hello, encodeHello({ version: 1, sessionId, name: "worker-3", ...limits }))),
      welcome: hex(frameOf(FrameKind.welcome, encodeWelcome({ version: 1, epoch: sessionId.slice(0, 8), ...limits }))),
      ping: hex(frameOf(FrameKind.ping)),
      pong: hex(frameOf(FrameKind.pong)),
      bye: hex(frameOf(FrameKind.bye, encodeBye({ code: "", text: "" }))),
      "bye with a reason": hex(frameOf(FrameKind.bye, encodeBye({ code: "CNR_ERR_PROTOCOL", text: "why" }))),
      more: hex(frameOf(FrameKind.more, new Uint8Array([1, 2, 3]))),
      raw: hex(frameOf(FrameKind.raw, new Uint8Array([1, 2, 3]))),
    }).toEqual(golden("frames"));
  });

  it("are, of values, what test/golden/values.json holds", () => {
    const written: Record<string, string> = {};
    for (const [name, value] of Object.entries(goldenValues)) {
      const writer = new ByteWriter();
      writer.attachments = [];
      new ValueEncoder({ maxDepth: 200, maxValueBytes: 1e6, shapes: true }).encode(writer, value);
      written[name] = hex(writer.bytes.subarray(0, writer.position));
    }
    expect(written).toEqual(golden("values"));
  });

  it("are, of messages about channels, what test/golden/channel-messages.json holds", async () => {
    const tap = new WireTap();
    expect(await tap.channelConversation()).toEqual(golden("channel-messages"));
  });

  it("use the numbers that messages have always had", () => {
    expect(MessageType).toMatchObject(golden("message-types"));
  });
});
