import { ValueEncoder } from "../../../src/codec/value-encoder.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { dataHeader, openFrame, resetFrame } from "../../../src/protocol/bulk-frames.ts";
import {
  ackFrame,
  creditFrame,
  endFrame,
  pingFrame,
  pongFrame,
} from "../../../src/protocol/control-frames.ts";
import { ACK_NOW, FrameKind, frameOf, writeFrameHeader } from "../../../src/protocol/frame.ts";
import {
  encodeBye,
  encodeHello,
  encodeWelcome,
  LostReason,
} from "../../../src/protocol/handshake-messages.ts";
import { ChannelKind, ChannelMux } from "../../../src/session/channel-mux.ts";
import { IncomingChannel } from "../../../src/session/incoming-channel.ts";
import { ScriptedLink } from "../session/scripted-link.ts";
import { sessionOver } from "../session/session-pair.ts";
import { goldenValues } from "./golden-values.ts";

export type Samples = Readonly<Record<string, string>>;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export function frameSamples(): Samples {
  const limits = { maxValueBytes: 67_108_864, maxDepth: 200, channelWindowBytes: 1_048_576 };
  const header = new Uint8Array(8);
  writeFrameHeader(header, 0, 0x010203, FrameKind.message, 0xfedcba98);
  const sessionId = new Uint8Array(16).map((_, n) => n + 1);
  const fresh = { version: 1, sessionId, isFresh: true, attempt: 1, receivedFrames: 0, name: "worker-3" };
  const answer = { version: 1, epoch: sessionId.slice(0, 8), peerId: "a1b2c3d4e5f6", lost: "" };
  const hello = encodeHello({ ...fresh, ...limits });
  const again = encodeHello({ ...fresh, isFresh: false, attempt: 7, receivedFrames: 70_000, ...limits });
  const welcome = encodeWelcome({ ...answer, receivedFrames: 0, ...limits });
  const welcomeBack = encodeWelcome({ ...answer, receivedFrames: 300, ...limits });
  const lost = encodeWelcome({
    ...answer,
    peerId: "",
    lost: LostReason.unknown,
    receivedFrames: 0,
    ...limits,
  });
  return {
    header: hex(header),
    hello: hex(frameOf(FrameKind.hello, hello)),
    "hello of a session that goes on": hex(frameOf(FrameKind.hello, again)),
    welcome: hex(frameOf(FrameKind.welcome, welcome)),
    "welcome of a session that goes on": hex(frameOf(FrameKind.welcome, welcomeBack)),
    "welcome when the session is lost": hex(frameOf(FrameKind.welcome, lost)),
    ack: hex(ackFrame(0x1_2345_6789)),
    ping: hex(pingFrame(1)),
    pong: hex(pongFrame(1)),
    bye: hex(frameOf(FrameKind.bye, encodeBye({ code: "", text: "" }))),
    "bye with a reason": hex(frameOf(FrameKind.bye, encodeBye({ code: "CNR_ERR_PROTOCOL", text: "why" }))),
    "message, to be acknowledged at once": hex(
      frameOf(FrameKind.message | ACK_NOW, new Uint8Array([1, 2, 3])),
    ),
    open: hex(openFrame(3, { type: 1, name: "a.txt" })),
    data: hex(Buffer.concat([dataHeader(3, 3, 0), new Uint8Array([1, 2, 3])])),
    "data, to be acknowledged at once": hex(
      Buffer.concat([dataHeader(0xfedcba98, 3, ACK_NOW), new Uint8Array([1, 2, 3])]),
    ),
    end: hex(endFrame(3, 0x1_2345_6789)),
    reset: hex(resetFrame(3, { code: "CNR_ERR_CANCELLED", text: "a.txt" })),
    credit: hex(creditFrame(3, 1_048_576)),
    more: hex(frameOf(FrameKind.more, new Uint8Array([1, 2, 3]))),
    raw: hex(frameOf(FrameKind.raw, new Uint8Array([1, 2, 3]))),
  };
}

export function valueSamples(): Samples {
  const samples: Record<string, string> = {};
  for (const [name, value] of Object.entries(goldenValues)) {
    const writer = new ByteWriter();
    writer.attachments = [];
    new ValueEncoder({ maxDepth: 200, maxValueBytes: 1e6, shapes: true }).encode(writer, value);
    samples[name] = hex(writer.bytes.subarray(0, writer.position));
  }
  return samples;
}

/** What each message about channels puts on the wire, with its frame. */
export async function channelSamples(): Promise<Samples> {
  const link = new ScriptedLink();
  const session = sessionOver(link);
  const mux = new ChannelMux(session);
  const samples: Record<string, string> = {};
  const sample = (name: string): void => {
    session.flush();
    samples[name] = hex(Buffer.concat(link.writes.splice(0).flat()));
  };
  const { channel } = mux.open(ChannelKind.pipe, "chat", undefined);
  sample("open");
  void channel.send({ text: "hello" });
  sample("value");
  void channel.sendBytes(new Uint8Array([0xa2, 0x68, 0x69]));
  sample("bytes");
  channel.end();
  sample("end");
  const failing = mux.open(ChannelKind.stream, "", undefined);
  sample("open a stream");
  failing.channel.fail("why");
  sample("fail");
  const incoming = new IncomingChannel(session, "recv");
  incoming.opened(9);
  incoming.receive("large", 600 * 1024);
  incoming.tryTake();
  sample("credit");
  incoming.stop();
  sample("stop");
  await session.close();
  return samples;
}
