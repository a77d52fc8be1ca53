import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { FunctionCodec } from "../../src/codec/function-codec.ts";
import { ABORTED } from "../../src/codec/signal-codec.ts";
import { ValueDecoder } from "../../src/codec/value-decoder.ts";
import { ValueEncoder } from "../../src/codec/value-encoder.ts";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { ByteWriter } from "../../src/core/byte-writer.ts";
import { ConnectorError, failure } from "../../src/core/errors.ts";
import { nodePlatform } from "../../src/endpoint/node/node-platform.ts";
import { functionsByValue } from "../../src/functions/by-value.ts";
import { CallTable } from "../../src/rpc/call-table.ts";
import { ExposedFunctions } from "../../src/rpc/exposed-functions.ts";
import { ALL_GRANTS } from "../../src/security/policy.ts";
import { ChannelMux } from "../../src/session/channel-mux.ts";
import { ScriptedLink } from "../unit/session/scripted-link.ts";
import { sessionOver } from "../unit/session/session-pair.ts";
import { fuzz } from "./random.ts";

/** A codec for arguments that lends whatever it is given, under any number. */
const inArguments: FunctionCodec = {
  ...functionsByValue(nodePlatform, false),
  signals: { lend: ({ aborted }) => (aborted ? ABORTED : 7), borrow: () => new AbortController() },
};

const loop: { signal?: AbortSignal } = {};
loop.signal = AbortSignal.abort([loop]);
const shared = AbortSignal.abort(new RangeError("why"));

const encoded = [
  [AbortSignal.abort("why")],
  [{ signal: new AbortController().signal }, new AbortController().signal],
  [loop],
  [shared, { again: shared }],
  AbortSignal.abort(AbortSignal.abort()),
].map((value) => {
  const writer = new ByteWriter();
  new ValueEncoder({ maxDepth: 50, maxValueBytes: 100_000, shapes: false }).encode(
    writer,
    value,
    inArguments,
  );
  return writer.bytes.slice(0, writer.position);
});

describe("bytes with signals in them", () => {
  it("never make the decoder fail in another way than by a named error", async () => {
    let decoded = 0;
    await fuzz(20_000, (random) => {
      const decoder = new ValueDecoder({ maxDepth: 50, shapes: true });
      const bytes = random.below(5) === 0 ? random.pick(encoded) : random.mutate(random.pick(encoded));
      try {
        decoder.decode(new ByteReader(bytes), inArguments);
        decoded++;
      } catch (error) {
        if (!ConnectorError.is(error)) throw error;
      }
    });
    expect(decoded).toBeGreaterThan(2000);
  });
});

const golden = JSON.parse(readFileSync(new URL("../golden/calls.json", import.meta.url), "utf8")) as Readonly<
  Record<string, string>
>;

describe("a session with calls that is fed with messages about calls", () => {
  it("takes them, or ends by a named error, and no signal and no call is left behind", async () => {
    const frames = Object.values(golden).map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));
    let called = 0;
    await fuzz(2500, async (random) => {
      const link = new ScriptedLink();
      const session = sessionOver(link, { limits: { maxReferences: 3, maxValueBytes: 100_000 } });
      const signals: AbortSignal[] = [];
      const exposed = new ExposedFunctions();
      exposed.expose({
        add: (a: unknown) => a,
        take: (fn: () => unknown) => fn(),
        watch: (given: AbortSignal | { signal?: AbortSignal } | null) => {
          called++;
          const signal = given instanceof AbortSignal ? given : given?.signal;
          if (signal instanceof AbortSignal) signals.push(signal);
          return new Promise(() => {});
        },
      });
      const calls = new CallTable({
        session,
        mux: new ChannelMux(session),
        exposed,
        host: nodePlatform,
        grants: { ...ALL_GRANTS, code: false },
        peer: "x",
        names: {},
      });
      const original = new AbortController();
      const own = [calls.callName("theirs", [original.signal]), calls.callName("theirs", [() => 1])];
      for (let n = 0; n < 8 && !session.ended; n++) {
        const frame = random.pick(frames);
        const stream = random.below(3) === 0 ? random.mutate(frame) : frame;
        for (const chunk of random.split(stream)) link.handler?.data(chunk);
      }
      expect(signals.length).toBeLessThanOrEqual(8);
      session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
      expect(ConnectorError.is(session.ended)).toBe(true);
      for (const signal of signals) expect(signal.aborted).toBe(true);
      for (const call of own) {
        await call.exception();
        expect(call.done()).toBe(true);
      }
      original.abort();
    });
    expect(called).toBeGreaterThan(100);
  });
});
