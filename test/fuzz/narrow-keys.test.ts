import { describe, expect, it } from "vitest";
import { holdsFunction } from "../../src/codec/function-free.ts";
import { ConnectorError, failure } from "../../src/core/errors.ts";
import { withLimits } from "../../src/core/limits.ts";
import { linkAuthorities } from "../../src/dict/authority-link.ts";
import { denyDicts } from "../../src/dict/denied-dicts.ts";
import { DictAuthority } from "../../src/dict/dict-authority.ts";
import { FrameKind, frameOf } from "../../src/protocol/frame.ts";
import { MessageType } from "../../src/protocol/message-types.ts";
import { denyQueues } from "../../src/queues/denied-queues.ts";
import { QueueHost } from "../../src/queues/queue-host.ts";
import { serveQueues } from "../../src/queues/queue-host-link.ts";
import { MemoryStore } from "../../src/stores/memory-store.ts";
import { dictSamples } from "../unit/dict/wire-samples.ts";
import { queueSamples } from "../unit/queues/wire-samples.ts";
import { ScriptedLink } from "../unit/session/scripted-link.ts";
import { sessionOver } from "../unit/session/session-pair.ts";
import { fuzz, type Random } from "./random.ts";

const SECRET = Uint8Array.from([0xa6, ...Buffer.from("secret")]);
const limits = withLimits({ maxValueBytes: 100_000 });

/** `[fn]`, as a key and as an item: what a client that may bring no code would like to leave. */
const FUNCTION = [0x91, 0xc1, 0x0c, 0x00, 0x01, 0xa0, 0xa4, ...Buffer.from("()=>")];
const withFunctions: readonly Uint8Array[] = [
  Uint8Array.from([MessageType.dictWrite, 1, 0, 0xa1, 0x66, 0xc4, FUNCTION.length, ...FUNCTION]),
  Uint8Array.from([MessageType.dictWrite, 0, 0, 0xa1, 0x66, 0xc4, FUNCTION.length, ...FUNCTION]),
  Uint8Array.from([MessageType.queueOpen, 40, 1, 0xa1, 0x71]),
  Uint8Array.from([MessageType.queuePut, 40, 0, 0xc4, FUNCTION.length, ...FUNCTION]),
];

/** What clients say about dicts and queues, right and nearly right. */
async function messages(): Promise<readonly Uint8Array[]> {
  const recorded = { ...(await dictSamples()), ...(await queueSamples()) };
  const said = Object.entries(recorded).filter(([name]) => !/answer|another client|server|denied/.test(name));
  return [...said.map(([, hex]) => Uint8Array.from(Buffer.from(hex, "hex"))), ...withFunctions];
}

class World {
  readonly store = new MemoryStore();
  readonly local = new MemoryStore();
  readonly link = new ScriptedLink();
  readonly session = sessionOver(this.link, { limits: { maxValueBytes: 100_000 } });

  constructor(grants: "no data" | "no code") {
    void this.store.commit([{ kind: "set", key: "x", value: SECRET }], "the server");
    void this.store.put("task", SECRET, { id: undefined, delayMs: 0, priority: 0 });
    if (grants === "no data") {
      denyDicts(this.session);
      denyQueues(this.session);
      return;
    }
    const [global, local] = [this.store, this.local].map((store) => new QueueHost(store, limits));
    serveQueues(this.session, {
      local: () => local as QueueHost,
      global: global as QueueHost,
      mayBringCode: false,
    });
    linkAuthorities(this.session, {
      local: () => new DictAuthority(this.local, limits),
      global: new DictAuthority(this.store, limits),
      mayBringCode: false,
    });
  }

  async take(known: readonly Uint8Array[], random: Random): Promise<void> {
    for (let n = 0; n < 12 && !this.session.ended; n++) {
      const part = random.pick(known);
      const frame = frameOf(FrameKind.message, random.below(3) === 0 ? random.mutate(part) : part);
      for (const chunk of random.split(frame)) this.link.handler?.data(chunk);
    }
    await new Promise((resolve) => setImmediate(resolve));
    if (this.session.ended) expect(ConnectorError.is(this.session.ended)).toBe(true);
    this.session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
  }
}

describe("whatever a client sends that has few grants", () => {
  it("without data it reads nothing and changes nothing", async () => {
    const known = await messages();
    await fuzz(1500, async (random) => {
      const world = new World("no data");
      const { rev } = world.store;
      await world.take(known, random);
      expect(Buffer.from(world.link.written).includes("secret")).toBe(false);
      expect(world.store.rev).toBe(rev);
      expect(world.store.size("task")).toEqual({ ready: 1, leased: 0, delayed: 0 });
      expect([...world.local.entries()]).toEqual([]);
    });
  });

  it("without code it leaves no function where others read", async () => {
    const known = await messages();
    let taken = 0;
    await fuzz(1500, async (random) => {
      const world = new World("no code");
      await world.take(known, random);
      for (const store of [world.store, world.local]) {
        for (const [, { value }] of store.entries()) {
          taken++;
          expect(holdsFunction(value, limits.maxDepth)).toBe(false);
        }
      }
    });
    // Not because nothing came in.
    expect(taken).toBeGreaterThan(1500);
  });
});
