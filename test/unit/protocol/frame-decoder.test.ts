import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  ACK_NOW,
  FrameKind,
  HEADER_BYTES,
  MAX_HANDSHAKE_FRAME_BYTES,
  writeFrameHeader,
} from "../../../src/protocol/frame.ts";
import { FrameDecoder } from "../../../src/protocol/frame-decoder.ts";

const RAW: number[] = [FrameKind.raw, FrameKind.raw | ACK_NOW];

interface Frame {
  readonly kind: number;
  readonly channel: number;
  readonly payload: Uint8Array;
}

function encode(frames: readonly Frame[]): Uint8Array {
  const chunks = frames.map(({ kind, channel, payload }) => {
    const bytes = new Uint8Array(HEADER_BYTES + payload.length);
    writeFrameHeader(bytes, 0, payload.length, kind, channel);
    bytes.set(payload, HEADER_BYTES);
    return bytes;
  });
  return new Uint8Array(Buffer.concat(chunks));
}

/** A decoder whose frames are kept; the pieces of a raw frame are put together. */
function recording(maxFrameBytes = 1024 * 1024): {
  decoder: FrameDecoder;
  frames: Frame[];
  pieces: Uint8Array[];
} {
  const decoder = new FrameDecoder();
  decoder.maxFrameBytes = maxFrameBytes;
  const frames: Frame[] = [];
  const pieces: Uint8Array[] = [];
  let raw: Uint8Array[] = [];
  decoder.sink = {
    frame: (kind, channel, bytes, start, end) =>
      void frames.push({ kind, channel, payload: bytes.slice(start, end) }),
    raw(piece, isLast, kind) {
      pieces.push(piece);
      raw.push(piece);
      if (!isLast) return;
      frames.push({ kind, channel: 0, payload: new Uint8Array(Buffer.concat(raw)) });
      raw = [];
    },
  };
  return { decoder, frames, pieces };
}

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    kind: fc.integer({ min: 0, max: 255 }).filter((kind) => !RAW.includes(kind)),
    channel: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    payload: fc.uint8Array({ maxLength: 400, size: "max" }),
  }),
  fc.record({
    kind: fc.constantFrom(...RAW),
    channel: fc.constant(0),
    payload: fc.uint8Array({ maxLength: 400, size: "max" }),
  }),
);

describe("the frame decoder", () => {
  it("finds the same frames in any split of the stream", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1 }),
        (sent, sizes) => {
          const { decoder, frames } = recording();
          const stream = encode(sent);
          for (let at = 0, n = 0; at < stream.length; n++) {
            const end = at + Math.max(n < 1000 ? 0 : 1, sizes[n % sizes.length] ?? 1);
            decoder.push(stream.slice(at, end));
            at = end;
          }
          expect(frames).toEqual(sent);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("finds them byte by byte, and all at once", () => {
    const sent = [
      { kind: FrameKind.message, channel: 7, payload: new Uint8Array(5000).fill(1) },
      { kind: FrameKind.ping, channel: 0, payload: new Uint8Array(0) },
      { kind: FrameKind.raw, channel: 0, payload: new Uint8Array(3000).fill(2) },
      { kind: FrameKind.raw, channel: 0, payload: new Uint8Array(0) },
      { kind: FrameKind.more, channel: 2 ** 32 - 1, payload: new Uint8Array(1).fill(3) },
    ];
    for (const size of [1, 2, 7, 8, 9, 1_000_000]) {
      const { decoder, frames } = recording();
      const stream = encode(sent);
      for (let at = 0; at < stream.length; at += size) decoder.push(stream.slice(at, at + size));
      expect(frames).toEqual(sent);
    }
  });

  it("hands a frame that came in one piece on uncopied", () => {
    const decoder = new FrameDecoder();
    const stream = encode([
      { kind: 16, channel: 0, payload: new Uint8Array(100) },
      { kind: 16, channel: 0, payload: new Uint8Array(50) },
    ]);
    const seen: [Uint8Array, number, number][] = [];
    decoder.sink = {
      frame: (_kind, _channel, bytes, start, end) => void seen.push([bytes, start, end]),
      raw() {},
    };
    decoder.push(stream);
    expect(seen).toEqual([
      [stream, 8, 108],
      [stream, 116, 166],
    ]);
    expect(seen.every(([bytes]) => bytes === stream)).toBe(true);
  });

  it("passes on a raw frame as it comes, uncopied, without waiting for its end", () => {
    const { decoder, pieces } = recording();
    const stream = encode([{ kind: FrameKind.raw, channel: 0, payload: new Uint8Array(1000) }]);
    decoder.push(stream.subarray(0, 300));
    expect(pieces.map((piece) => piece.length)).toEqual([292]);
    expect(pieces[0]?.buffer).toBe(stream.buffer);
    decoder.push(stream.subarray(300, 900));
    decoder.push(stream.subarray(900));
    expect(pieces.map((piece) => piece.length)).toEqual([292, 600, 108]);
  });

  it("refuses a longer frame than the limit by its header alone", () => {
    const { decoder, frames } = recording(1000);
    decoder.push(encode([{ kind: 16, channel: 0, payload: new Uint8Array(1000) }]));
    expect(frames).toHaveLength(1);
    const header = new Uint8Array(HEADER_BYTES);
    for (const kind of [FrameKind.message, FrameKind.raw]) {
      writeFrameHeader(header, 0, 1001, kind);
      expect(() => recording(1000).decoder.push(header.slice())).toThrow(ProtocolError);
    }
    writeFrameHeader(header, 0, 0xffffff, 16);
    expect(() => recording().decoder.push(header.slice())).toThrow(/16777215 bytes, the limit is 1048576/);
  });

  it("takes 4 KiB at most until a handshake has raised the limit", () => {
    const frames = recording(MAX_HANDSHAKE_FRAME_BYTES).decoder;
    expect(new FrameDecoder().maxFrameBytes).toBe(MAX_HANDSHAKE_FRAME_BYTES);
    expect(() => frames.push(encode([{ kind: 1, channel: 0, payload: new Uint8Array(4097) }]))).toThrow(
      ProtocolError,
    );
  });

  it("keeps a frame that trickles in without an object for every byte", () => {
    const { decoder, frames } = recording();
    const payload = new Uint8Array(100_000).map((_, n) => n);
    const stream = encode([{ kind: 16, channel: 1, payload }]);
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < stream.length - 1; at++) decoder.push(stream.slice(at, at + 1));
    global.gc?.();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60e6);
    decoder.push(stream.slice(-1));
    expect(frames).toEqual([{ kind: 16, channel: 1, payload }]);
  });

  it("says nothing more once it is stopped, even among the frames of one chunk", () => {
    const { decoder, frames } = recording();
    const sent = [1, 2, 3].map((channel) => ({ kind: 16, channel, payload: new Uint8Array(5) }));
    const inner = decoder.sink;
    decoder.sink = {
      frame(kind, channel, bytes, start, end) {
        inner.frame(kind, channel, bytes, start, end);
        if (channel === 2) decoder.stop();
      },
      raw() {},
    };
    decoder.push(encode(sent));
    decoder.push(encode(sent));
    expect(frames.map(({ channel }) => channel)).toEqual([1, 2]);
  });

  it("lets a sink hand over to another in the middle of a chunk", () => {
    const decoder = new FrameDecoder();
    const seen: string[] = [];
    const second = { frame: (kind: number): void => void seen.push(`second ${kind}`), raw(): void {} };
    decoder.sink = {
      frame(kind) {
        seen.push(`first ${kind}`);
        decoder.sink = second;
        decoder.maxFrameBytes = 10_000;
      },
      raw() {},
    };
    decoder.push(
      encode([
        { kind: 1, channel: 0, payload: new Uint8Array(5) },
        { kind: 16, channel: 0, payload: new Uint8Array(9000) },
      ]),
    );
    expect(seen).toEqual(["first 1", "second 16"]);
  });
});
