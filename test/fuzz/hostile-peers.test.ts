import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ByteWriter } from "../../src/core/byte-writer.ts";
import { type Client, ConnectorError, Key, type Server } from "../../src/index.ts";
import { ackFrame } from "../../src/protocol/control-frames.ts";
import { FrameKind, frameOf } from "../../src/protocol/frame.ts";
import { MessageType } from "../../src/protocol/message-types.ts";
import { deriveKeys } from "../../src/security/node/derived-keys.ts";
import { ChannelKind } from "../../src/session/channel-mux.ts";
import { tlsDialer } from "../../src/transport/node/tls-psk.ts";
import { heldBytes } from "../fixtures/heap.ts";
import { leaveOnly } from "../fixtures/local-ways.ts";
import { newClient, openServer } from "../fixtures/open-ends.ts";
import { RawPeer } from "../fixtures/raw-peer.ts";
import { recordedFrames } from "../fixtures/recorded-messages.ts";
import { babble } from "./babble.ts";
import { fuzz } from "./random.ts";

const HANG_MS = 60_000;
const MIB = 1024 * 1024;
const LIMITS = {
  maxValueBytes: 1 * MIB,
  maxUnsentBytes: 1 * MIB,
  maxReplayBytes: 1 * MIB,
  maxServerReplayBytes: 8 * MIB,
  channelWindowBytes: 64 * 1024,
  maxPendingCalls: 1000,
  resumeWindowMs: 200,
};

let server: Server;
let good: Client;
let rounds: number;
let isOver: boolean;
let working: Promise<void>;
const key = Key.generate();

/** A client that must not notice anything, whatever others do. */
async function work(): Promise<void> {
  while (!isOver) {
    expect(await good.callRemote("double", [rounds])).toBe(rounds * 2);
    await good.globals.queues.own.put(rounds);
    expect(await good.globals.queues.own.get()).toBe(rounds);
    // Its own variables: those of all are for all who may to change.
    expect(await good.dict.increment("rounds")).toBe(++rounds);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

beforeEach(async () => {
  leaveOnly("TLS");
  server = await openServer({
    limits: LIMITS,
    keys: { hostile: { key, allow: { data: true, call: true } } },
  });
  server.expose({
    double: (n: number) => n * 2,
    add: (a: unknown) => a,
    blob: (bytes: number) => new Uint8Array(bytes),
    take: (fn: () => unknown) => fn(),
    async *count() {
      for (let n = 0; n < 1e9; n++) yield "x".repeat(1000);
    },
  });
  server.on("error", (error) => expect(ConnectorError.is(error), String(error)).toBe(true));
  good = newClient();
  await good.connect(server.url ?? "");
  rounds = 0;
  isOver = false;
  working = work();
  working.catch(() => {});
});

afterEach(async () => {
  const before = rounds;
  await expect.poll(() => rounds, { timeout: 10_000 }).toBeGreaterThan(before + 3);
  isOver = true;
  await working;
});

async function hostile(): Promise<RawPeer> {
  const peer = new RawPeer(await tlsDialer(deriveKeys(key)).dial("127.0.0.1", server.address?.port ?? 0));
  expect(await peer.hello({ name: "hostile" })).toMatchObject({ lost: "" });
  return peer;
}

async function untilAlone(): Promise<void> {
  await expect.poll(() => server.clients.length, { timeout: 20_000 }).toBe(1);
}

function message(type: number, write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(type);
  write(writer);
  return writer.bytes.slice(0, writer.position);
}

/** Says the same until the link ends, no faster than it is taken. */
async function sayUntilClosed(peer: RawPeer, frames: Uint8Array, most = 200_000_000): Promise<number> {
  let said = 0;
  while (!peer.isClosed && said < most) {
    peer.write(frames);
    said += frames.length;
    while (!peer.isClosed && peer.link.bufferedBytes > MIB)
      await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return said;
}

function repeated(frame: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(frame.length * count);
  for (let n = 0; n < count; n++) all.set(frame, n * frame.length);
  return all;
}

describe("a client with a key that", { timeout: HANG_MS }, () => {
  it("says anything at all ends nothing but its own link, and leaves nothing behind", async () => {
    const frames = recordedFrames();
    const before = heldBytes();
    let byes = 0;
    await fuzz(300, async (random) => {
      const peer = await hostile();
      await babble(random, frames, peer);
      await new Promise((resolve) => setTimeout(resolve, random.below(4)));
      if (random.below(2) === 0) peer.link.abort();
      else await peer.link.close();
      if (peer.bye) byes++;
    });
    expect(byes).toBeGreaterThan(50);
    await untilAlone();
    await expect.poll(() => heldBytes() - before).toBeLessThan(24 * MIB);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("ignores the credit of a pipe is cut off", async () => {
    const peer = await hostile();
    peer.say(
      message(MessageType.channelOpen, (writer) => {
        writer.uint(1);
        writer.uint(ChannelKind.pipe);
        writer.string("flood");
      }),
    );
    const value = message(MessageType.channelValue, (writer) => {
      writer.uint(1);
      writer.string("x".repeat(10_000));
    });
    const said = await sayUntilClosed(peer, frameOf(FrameKind.message, value));
    expect(said).toBeLessThan(16 * MIB);
    expect(peer.bye).toMatchObject({ code: "CNR_ERR_PROTOCOL", text: expect.stringContaining("credit") });
    await untilAlone();
  });

  it.each([
    ["pieces of a message that never ends", FrameKind.more, 60_000],
    ["small pieces of a message that never ends", FrameKind.more, 50],
    ["attachments that no message names", FrameKind.raw, 60_000],
    ["small attachments that no message names", FrameKind.raw, 50],
  ])("sends %s is cut off before they take its memory", async (_, kind, bytes) => {
    const before = heldBytes();
    const peer = await hostile();
    const frame = frameOf(kind, new Uint8Array(bytes));
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, heldBytes() - before);
    }, 50);
    await sayUntilClosed(peer, repeated(frame, Math.ceil(60_000 / frame.length)));
    clearInterval(timer);
    expect(peer.bye?.code).toBe("CNR_ERR_PROTOCOL");
    expect(most).toBeLessThan(100 * MIB);
    await untilAlone();
  });

  it.each([
    ["acknowledges what was not sent", ackFrame(1000)],
    ["says HELLO again", frameOf(FrameKind.hello)],
    ["says WELCOME", frameOf(FrameKind.welcome)],
    ["sends an unknown kind of frame", frameOf(99)],
    ["sends an unknown message", frameOf(FrameKind.message, Uint8Array.of(255))],
  ])("%s is told why, and its link ends", async (_, frame) => {
    const peer = await hostile();
    peer.write(frame);
    await peer.closed;
    expect(peer.bye?.code).toBe("CNR_ERR_PROTOCOL");
    await untilAlone();
  });

  it("asks for more and more and reads nothing gets no more than a buffer's worth", async () => {
    const peer = await hostile();
    peer.link.pause();
    await demandBlobs(peer, 20_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stats = server.clients.find(({ name }) => name === "hostile")?.stats();
    expect(stats?.queuedBytes ?? 0).toBeLessThan(64 * MIB);
    peer.link.abort();
    await untilAlone();
  });

  it("asks for more and more, reads it and acknowledges nothing is cut off", async () => {
    const peer = await hostile();
    await demandBlobs(peer, 20_000);
    expect(peer.bye).toMatchObject({
      code: "CNR_ERR_PROTOCOL",
      text: expect.stringContaining("acknowledge"),
    });
    expect(peer.receivedBytes).toBeLessThan(20 * MIB);
    await untilAlone();
  });
});

/** Calls `blob(10_000)`, again and again. */
async function demandBlobs(peer: RawPeer, times: number): Promise<void> {
  for (let id = 1; id <= times && !peer.isClosed; id++) {
    const call = message(MessageType.call, (writer) => {
      writer.uint(id);
      writer.uint(0);
      writer.string("blob");
      writer.array(1);
      writer.number(10_000);
    });
    peer.say(call);
    if (id % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
