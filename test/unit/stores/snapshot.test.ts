import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Command } from "../../../src/stores/commands.ts";
import { anyCommand, steps } from "./command-arbitrary.ts";
import { RecordedMachine } from "./recorded-machine.ts";
import { refusalOf } from "./refusal.ts";

const body = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (
  queue: string,
  text: string,
  more: { id?: string; delayMs?: number; priority?: number } = {},
): Command => ({
  kind: "put",
  queue,
  body: body(text),
  id: more.id,
  delayMs: more.delayMs ?? 0,
  priority: more.priority ?? 0,
});

/** A state with everything in it that a state can have. */
function fullMachine(): RecordedMachine {
  const recorded = new RecordedMachine();
  const commands: readonly Command[] = [
    {
      kind: "commit",
      origin: "o",
      ops: [
        { kind: "set", key: "b", value: body("1") },
        { kind: "set", key: "a", value: body("") },
      ],
    },
    {
      kind: "commit",
      origin: "o",
      ops: [
        { kind: "delete", key: "none" },
        { kind: "set", key: "\udfff", value: body("2") },
      ],
    },
    put("jobs", "first", { id: "1" }),
    put("jobs", "urgent", { priority: 5 }),
    put("jobs", "second"),
    put("jobs", "later", { delayMs: 500, id: "2" }),
    put("jobs", "third", { priority: -1 }),
    { kind: "consume", consumer: 1, queue: "jobs", owner: "ann", leaseMs: 1000 },
    { kind: "consume", consumer: 2, queue: "idle", owner: "bob", leaseMs: 0 },
    { kind: "consume", consumer: 3, queue: "idle", owner: "ann", leaseMs: 0 },
    { kind: "demand", consumer: 1, credits: 2 },
    { kind: "nack", token: 1, delayMs: 0 },
    { kind: "demand", consumer: 2, credits: 2 },
    { kind: "demand", consumer: 3, credits: 1 },
    { kind: "demand", consumer: 2, credits: 3 },
    put("endless", "kept"),
    { kind: "consume", consumer: 4, queue: "endless", owner: "bob", leaseMs: 0 },
    { kind: "demand", consumer: 4, credits: 1 },
    { kind: "closeConsumer", consumer: 4 },
    { kind: "closeQueue", queue: "closed" },
  ];
  for (const [n, command] of commands.entries()) recorded.apply(command, 1000 + n);
  return recorded;
}

const golden = readFileSync(new URL("../../golden/store-snapshot.hex", import.meta.url), "utf8").replace(
  /\s/g,
  "",
);
const load = (bytes: Uint8Array): RecordedMachine => new RecordedMachine(bytes);

/** Guards against a hang alone: the machine may be busy. */
const TIMEOUT_MS = 120_000;

describe("snapshot", { timeout: TIMEOUT_MS }, () => {
  it("writes the bytes that stored snapshots have", () => {
    expect(Buffer.from(fullMachine().snapshot()).toString("hex")).toBe(golden);
  });

  it("reads the bytes that stored snapshots have", () => {
    const { machine, effects } = load(Buffer.from(golden, "hex"));
    expect(effects).toEqual([]);
    expect(machine.nowMs).toBe(1019);
    expect(machine.dict.rev).toBe(2);
    expect([...machine.dict.entries()]).toEqual([
      ["b", { value: body("1"), rev: 1 }],
      ["a", { value: body(""), rev: 1 }],
      ["\udfff", { value: body("2"), rev: 2 }],
    ]);
    expect(machine.queues.names()).toEqual(["jobs", "endless"]);
    expect(machine.queues.size("jobs")).toEqual({ ready: 3, leased: 1, delayed: 1 });
    expect(machine.queues.size("endless")).toEqual({ ready: 0, leased: 1, delayed: 0 });
    expect(machine.nextDueMs).toBe(1505);
  });

  it("goes on from a loaded snapshot as from the state itself", () => {
    const [original, loaded] = [fullMachine(), load(Buffer.from(golden, "hex"))];
    const since = original.effects.length;
    const commands: readonly Command[] = [
      put("idle", "1"),
      put("idle", "2"),
      put("idle", "3"),
      put("idle", "4"),
      put("jobs", "first", { id: "1" }),
      put("closed", "no"),
      { kind: "consume", consumer: 9, queue: "closed", owner: "cleo", leaseMs: 0 },
      { kind: "release", owner: "ann" },
      { kind: "consume", consumer: 10, queue: "jobs", owner: "cleo", leaseMs: 0 },
      { kind: "demand", consumer: 10, credits: 9 },
      { kind: "ack", token: 3 },
      { kind: "tick" },
    ];
    for (const [n, command] of commands.entries()) {
      const timeMs = n === commands.length - 1 ? 1600 : 1100 + n;
      expect(loaded.apply(command, timeMs), command.kind).toEqual(original.apply(command, timeMs));
    }
    expect(loaded.effects.length).toBeGreaterThan(5);
    expect(loaded.effects).toEqual(original.effects.slice(since));
    expect(loaded.snapshot()).toEqual(original.snapshot());
  });

  it("is small for an empty state, and gives an empty state", () => {
    const bytes = new RecordedMachine().snapshot();
    expect(bytes.length).toBeLessThan(20);
    const { machine } = load(bytes);
    expect([machine.nowMs, machine.dict.rev, machine.queues.names(), machine.nextDueMs]).toEqual([
      0,
      0,
      [],
      undefined,
    ]);
  });

  it("takes 50,000 entries and as many items", () => {
    const recorded = new RecordedMachine();
    for (let n = 0; n < 50_000; n++) {
      recorded.machine.apply<"commit">(
        { kind: "commit", origin: "o", ops: [{ kind: "set", key: `k${n}`, value: body("v") }] },
        n,
      );
      recorded.machine.apply<"put">(
        { kind: "put", queue: `q${n % 10}`, body: body("x"), id: undefined, delayMs: n % 3, priority: 0 },
        n,
      );
    }
    const bytes = recorded.snapshot();
    const loaded = load(bytes);
    expect(loaded.machine.dict.size).toBe(50_000);
    expect(Buffer.compare(loaded.snapshot(), bytes)).toBe(0);
  });

  it("refuses another version, another kind of record, and every cut", () => {
    const bytes = fullMachine().snapshot();
    const other = bytes.slice();
    other[1] = 9;
    expect(() => load(other)).toThrow(
      expect.objectContaining({ code: "CNR_ERR_STORE_FORMAT", details: { found: 9, known: 1 } }),
    );
    other[0] = 0x43;
    expect(refusalOf(() => load(other))).toBe("CNR_ERR_STORE_CORRUPT");
    expect(refusalOf(() => load(Uint8Array.of(...bytes, 0)))).toBe("CNR_ERR_STORE_CORRUPT");
    for (let length = 0; length < bytes.length; length++) {
      expect(
        refusalOf(() => load(bytes.subarray(0, length))),
        `cut at ${length}`,
      ).toBe("CNR_ERR_STORE_CORRUPT");
    }
  });

  it("refuses what no machine can have written", () => {
    const start = [0x53, 1, 0];
    const noDict = [...start, 0, 0];
    const a = [0xa1, 0x61];
    const b = [0xa1, 0x62];
    const item = (seq: number): number[] => [seq, 0, 0, 0xc4, 0];
    const queueA = (...items: number[][]): number[] => [...a, 0xc2, 0, 0, items.length, ...items.flat()];
    const queues = (...rest: number[]): number[] => [...noDict, 9, 9, 0, ...rest];
    const oddities: Record<string, readonly number[]> = {
      "a key twice": [...start, 1, 2, ...a, 1, 0xc4, 0, ...a, 1, 0xc4, 0, 0, 0, 0, 0, 0, 0],
      "a revision of the future": [...start, 1, 1, ...a, 2, 0xc4, 0, 0, 0, 0, 0, 0, 0],
      "a revision of 0": [...start, 1, 1, ...a, 0, 0xc4, 0, 0, 0, 0, 0, 0, 0],
      "ids out of order": [...noDict, 0, 0, 2, ...a, 5, ...b, 4, 0, 0, 0],
      "an id twice": [...noDict, 0, 0, 2, ...a, 5, ...a, 5, 0, 0, 0],
      "a queue twice": queues(2, ...queueA(), ...queueA(), 0, 0),
      "a consumer twice": queues(1, ...a, 0xc2, 2, 1, 0xa0, 0, 1, 0xa0, 0, 0, 0, 0, 0),
      "a waiter that is no consumer": queues(1, ...a, 0xc2, 0, 1, 1, 1, 0, 0, 0),
      "a waiter of another queue": queues(
        2,
        ...a,
        0xc2,
        1,
        1,
        0xa0,
        0,
        0,
        0,
        ...b,
        0xc2,
        0,
        1,
        1,
        1,
        0,
        0,
        0,
      ),
      "a waiter without credits": queues(1, ...a, 0xc2, 1, 1, 0xa0, 0, 1, 1, 0, 0, 0, 0),
      "a waiter twice in a row": queues(1, ...a, 0xc2, 1, 1, 0xa0, 0, 2, 1, 1, 1, 1, 0, 0, 0),
      "items out of order": queues(1, ...queueA(item(2), item(1)), 0, 0),
      "an item twice": queues(1, ...queueA(item(1)), 1, ...a, 5, ...item(1), 0),
      "an item of the future": queues(1, ...queueA(item(10)), 0, 0),
      "an item numbered 0": queues(1, ...queueA(item(0)), 0, 0),
      "a delayed item of no queue": queues(0, 1, ...a, 5, ...item(1), 0),
      "a delay without end": queues(1, ...queueA(), 1, ...a, 0, ...item(1), 0),
      "delays out of order": queues(1, ...queueA(), 2, ...a, 5, ...item(1), ...a, 4, ...item(2), 0),
      "a lease without token": queues(1, ...queueA(), 0, 1, ...a, 0, 0, 0xa0, ...item(1)),
      "a token of the future": queues(1, ...queueA(), 0, 1, ...a, 0, 10, 0xa0, ...item(1)),
      "leases out of order": queues(
        1,
        ...queueA(),
        0,
        2,
        ...a,
        0,
        2,
        0xa0,
        ...item(1),
        ...a,
        0,
        1,
        0xa0,
        ...item(2),
      ),
    };
    for (const [what, bytes] of Object.entries(oddities)) {
      expect(
        refusalOf(() => load(Uint8Array.from(bytes))),
        what,
      ).toBe("CNR_ERR_STORE_CORRUPT");
    }
    // The same parts in an order that can be: it is the oddity that was refused.
    const sound = queues(
      1,
      ...queueA(item(1), item(2)),
      1,
      ...a,
      5,
      ...item(3),
      1,
      ...a,
      0,
      1,
      0xa0,
      ...item(4),
    );
    expect(load(Uint8Array.from(sound)).machine.queues.size("a")).toEqual({
      ready: 2,
      leased: 1,
      delayed: 1,
    });
  });

  it("meets any damage with a clean refusal, or a machine that works", () => {
    const codes = new Set<string | undefined>();
    const start = fullMachine().snapshot();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(start.length - 1), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 3,
        }),
        steps(anyCommand),
        (edits, rest) => {
          const bytes = start.slice();
          for (const [at, byte] of edits) bytes[at] = byte;
          let loaded: RecordedMachine | undefined;
          const code = refusalOf(() => {
            loaded = load(bytes);
          });
          codes.add(code);
          let timeMs = 2000;
          for (const { command, laterMs } of rest) {
            timeMs += laterMs;
            loaded?.apply(command, timeMs);
          }
        },
      ),
      { numRuns: 2000 },
    );
    expect([...codes].sort()).toEqual(["CNR_ERR_STORE_CORRUPT", "CNR_ERR_STORE_FORMAT", undefined]);
  });
});
