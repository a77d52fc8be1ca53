import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { CodecError } from "../../../src/core/errors.ts";
import {
  decodeBye,
  decodeHello,
  decodeWelcome,
  encodeBye,
  encodeHello,
  encodeWelcome,
  PROTOCOL_VERSION,
} from "../../../src/protocol/handshake-messages.ts";

const limits = { maxValueBytes: 64 * 1024 * 1024, maxDepth: 200, channelWindowBytes: 1024 * 1024 };
const hello = {
  version: PROTOCOL_VERSION,
  sessionId: new Uint8Array(16).map((_, n) => n),
  isFresh: false,
  attempt: 3,
  receivedFrames: 2 ** 40,
  name: "worker-3",
  ...limits,
};
const welcome = {
  version: PROTOCOL_VERSION,
  epoch: new Uint8Array([9, 8, 7, 6]),
  peerId: "a1b2c3",
  lost: "",
  receivedFrames: 7,
  ...limits,
};

function opening(...rest: ((writer: ByteWriter) => void)[]): Uint8Array {
  const writer = new ByteWriter();
  for (const write of rest) write(writer);
  return writer.bytes.slice(0, writer.position);
}

describe("handshake messages", () => {
  it("say the same after the round trip", () => {
    expect(decodeHello(encodeHello(hello))).toEqual(hello);
    expect(decodeWelcome(encodeWelcome(welcome))).toEqual(welcome);
    const bye = { code: "CNR_ERR_VERSION", text: "the other side speaks another version" };
    expect(decodeBye(encodeBye(bye))).toEqual(bye);
  });

  it("give only the version of another version's message, whatever follows", () => {
    const other = opening(
      (writer) => writer.string("connector"),
      (writer) => writer.uint(2),
      (writer) => writer.array(70_000),
    );
    expect(decodeHello(other)).toEqual({ version: 2 });
    expect(decodeWelcome(other)).toEqual({ version: 2 });
  });

  it("keep nothing of the chunk they were read from", () => {
    const chunk = new Uint8Array(1000);
    chunk.set(encodeHello(hello), 100);
    const got = decodeHello(chunk.subarray(100));
    chunk.fill(255);
    expect(got.sessionId).toEqual(hello.sessionId);
    expect(got.sessionId?.buffer.byteLength).toBe(16);
  });

  it("cut names and texts that are too long", () => {
    expect(decodeHello(encodeHello({ ...hello, name: "n".repeat(1000) }))).toMatchObject({
      name: "n".repeat(256),
    });
    expect(decodeBye(encodeBye({ code: "", text: "t".repeat(5000) })).text).toHaveLength(1000);
  });

  it("refuse what is cut short, and what is no opening of Connector", () => {
    const whole = encodeHello(hello);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeHello(whole.slice(0, length))).toThrow(CodecError);
    }
    for (const bytes of [
      new Uint8Array(0),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      opening(
        (writer) => writer.string("connectoR"),
        (writer) => writer.uint(1),
      ),
      opening(
        (writer) => writer.string("connector"),
        (writer) => writer.uint(1),
        (writer) => writer.binary(new Uint8Array(15)),
      ),
    ]) {
      expect(() => decodeHello(new Uint8Array(bytes))).toThrow(CodecError);
    }
  });
});
