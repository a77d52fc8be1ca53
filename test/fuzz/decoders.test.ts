import { afterEach, describe, expect, it } from "vitest";
import { ValueDecoder } from "../../src/codec/value-decoder.ts";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { ConnectorError, failure } from "../../src/core/errors.ts";
import { FrameKind, frameOf } from "../../src/protocol/frame.ts";
import { FrameDecoder } from "../../src/protocol/frame-decoder.ts";
import { decodeBye, decodeHello, decodeWelcome } from "../../src/protocol/handshake-messages.ts";
import { ChannelKind, ChannelMux } from "../../src/session/channel-mux.ts";
import { greetClient } from "../../src/session/greet-client.ts";
import { greetServer } from "../../src/session/greet-server.ts";
import { IncomingChannel } from "../../src/session/incoming-channel.ts";
import type { Session } from "../../src/session/session.ts";
import { CodecPair } from "../unit/codec/codec-pair.ts";
import { goldenValues } from "../unit/protocol/golden-values.ts";
import { channelSamples, frameSamples } from "../unit/protocol/wire-samples.ts";
import { clientGreeting, firstHello, serverGreeting } from "../unit/session/greetings.ts";
import { ScriptedLink } from "../unit/session/scripted-link.ts";
import { receivedBy, sessionOver } from "../unit/session/session-pair.ts";
import { fuzz, type Random } from "./random.ts";

const prototypes: object[] = [
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Error.prototype,
  Function.prototype,
  Uint8Array.prototype,
];
const clean = prototypes.map((prototype) => Reflect.ownKeys(prototype).length);

afterEach(() => {
  expect(prototypes.map((prototype) => Reflect.ownKeys(prototype).length)).toEqual(clean);
});

/** Only an error of ours may come out. */
function controlled(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    if (!ConnectorError.is(error)) throw error;
  }
}

const encodedValues = [
  ...Object.values(goldenValues),
  JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown,
  Array.from({ length: 50 }, (_, n) => ({ id: n, name: `user ${n}`, tags: ["a", { b: n / 3 }] })),
].map((value) => new CodecPair().encode(value));

function samples(random: Random): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return random.bytes(random.below(200));
    case 1:
      // Escapes and containers more often than chance has them.
      return random
        .bytes(100)
        .map((byte) =>
          byte < 90
            ? random.pick([0xc1, 0x0e, 0x0f, 0x04, 0x05, 0x06, 0x09, 0x20, 0x91, 0x92, 0x81, 1])
            : byte,
        );
    default:
      return random.mutate(random.pick(encodedValues));
  }
}

describe("bytes of every kind", () => {
  it("never make the value decoder fail in another way than by a named error", async () => {
    const before = process.memoryUsage().heapUsed;
    await fuzz(40_000, (random) => {
      const shapes = random.below(2) === 0;
      const decoder = new ValueDecoder({ maxDepth: 50, shapes });
      const reader = new ByteReader(samples(random), (length) => {
        if (length > 20_000) throw failure("CNR_ERR_UNDECODABLE", { reason: "no such attachment" });
        return new Uint8Array(length);
      });
      controlled(() => {
        while (!reader.done) decoder.decode(reader);
      });
    });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(300e6);
  });

  it("that decode are values that can be sent on", async () => {
    await fuzz(10_000, (random) => {
      const pair = new CodecPair({ maxDepth: 60 });
      let value: unknown;
      controlled(() => {
        value = new ValueDecoder({ maxDepth: 50, shapes: true }).decode(new ByteReader(samples(random)));
        pair.roundTrip(value);
      });
    });
  });

  it("never make the messages of the handshake fail in another way", async () => {
    const hello = firstHello();
    await fuzz(10_000, (random) => {
      const bytes = random.below(3) === 0 ? random.bytes(random.below(80)) : random.mutate(hello);
      for (const decode of [decodeHello, decodeWelcome, decodeBye]) controlled(() => decode(bytes));
    });
  });

  it("never make the frame decoder keep more than it was given", async () => {
    const frames = Object.values(frameSamples()).map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));
    await fuzz(3000, (random) => {
      const decoder = new FrameDecoder();
      decoder.maxFrameBytes = 5000;
      let given = 0;
      let passed = 0;
      decoder.sink = {
        frame: (_kind, _channel, _bytes, start, end) => {
          passed += end - start;
        },
        raw: (piece) => {
          passed += piece.length;
        },
      };
      const stream = Buffer.concat(
        Array.from({ length: 1 + random.below(8) }, () => random.mutate(random.pick(frames))),
      );
      controlled(() => {
        for (const chunk of random.split(new Uint8Array(stream))) {
          given += chunk.length;
          decoder.push(chunk);
        }
      });
      expect(passed).toBeLessThanOrEqual(given);
    });
  });
});

async function streams(): Promise<Uint8Array[]> {
  const recorded = [...Object.values(await channelSamples()), ...Object.values(frameSamples())].map((hex) =>
    Uint8Array.from(Buffer.from(hex, "hex")),
  );
  const messages = encodedValues.map((value) => frameOf(FrameKind.message, Uint8Array.from([200, ...value])));
  return [...recorded, ...messages, frameOf(FrameKind.raw, new Uint8Array(16_384))];
}

describe("a session that is fed with them", () => {
  it("takes them, or ends by a named error, and says why", async () => {
    const known = await streams();
    await fuzz(2500, async (random) => {
      const link = new ScriptedLink();
      const session = sessionOver(link, {
        limits: { maxValueBytes: 100_000, maxChannels: 5, channelWindowBytes: 1000 },
      });
      receivedBy(session);
      new ChannelMux(session).accept(ChannelKind.pipe, () => new IncomingChannel(session, "recv"), undefined);
      for (let n = 0; n < 6 && !session.ended; n++) {
        const part = random.pick(known);
        const stream = random.below(3) === 0 ? random.mutate(part) : part;
        for (const chunk of random.split(stream)) link.handler?.data(chunk);
      }
      if (session.ended) expect(ConnectorError.is(session.ended)).toBe(true);
      if (session.ended?.code === "CNR_ERR_PROTOCOL") expect(link.calls).toContain("close");
      const code = session.ended?.code ?? "CNR_ERR_PROTOCOL";
      expect(code).toMatch(/^CNR_ERR_/);
      session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
    });
  });

  it("from the first byte on, never hangs and never lets a stranger in", async () => {
    const hello = frameOf(FrameKind.hello, firstHello());
    const welcome = Uint8Array.from(Buffer.from(frameSamples()["welcome"] ?? "", "hex"));
    await fuzz(2000, async (random) => {
      const sessions: Session[] = [];
      const isServer = random.below(2) === 0;
      const link = new ScriptedLink();
      const onBegun = (session: Session): void => void sessions.push(session);
      const done = isServer
        ? greetClient(link, serverGreeting({}, onBegun), {})
        : greetServer(link, clientGreeting({}, onBegun), {});
      const settled = done.then(
        () => undefined,
        (error: unknown) => error,
      );
      const opening = random.below(3) === 0 ? random.bytes(100) : random.mutate(isServer ? hello : welcome);
      for (const chunk of random.split(new Uint8Array(Buffer.concat([opening, random.bytes(30)]))))
        link.handler?.data(chunk);
      link.handler?.closed();
      const error = await settled;
      expect(error === undefined || ConnectorError.is(error), String(error)).toBe(true);
      for (const session of sessions) {
        // A server's waits for its client to come back.
        expect(session.isAbsent).toBe(!ConnectorError.is(session.ended));
        session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
      }
      expect(sessions.length === 1).toBe(error === undefined);
    });
  });
});
