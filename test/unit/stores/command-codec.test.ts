import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCommands, encodeCommands } from "../../../src/stores/command-codec.ts";
import type { Command } from "../../../src/stores/commands.ts";
import { anyCommand } from "./command-arbitrary.ts";
import { refusalOf } from "./refusal.ts";

const body = Uint8Array.of(0, 255, 7);

/** One of each kind, and each of its optional parts once there and once not. */
const EXAMPLES: readonly Command[] = [
  { kind: "tick" },
  {
    kind: "commit",
    origin: "session 1",
    ops: [
      { kind: "set", key: "ключ", value: body },
      { kind: "set", key: "\ud800", value: new Uint8Array(), ifRev: 0 },
      { kind: "delete", key: "" },
      { kind: "delete", key: "k", ifRev: 300 },
      { kind: "clear" },
    ],
  },
  { kind: "put", queue: "q", body, id: undefined, delayMs: 0, priority: 0 },
  { kind: "put", queue: "", body, id: "a\0b", delayMs: 70_000, priority: -5 },
  { kind: "consume", consumer: 2 ** 40, queue: "q", owner: "o", leaseMs: 60_000 },
  { kind: "demand", consumer: 1, credits: 2 },
  { kind: "withdraw", consumer: 1, credits: Number.MAX_SAFE_INTEGER },
  { kind: "closeConsumer", consumer: 1 },
  { kind: "ack", token: 128 },
  { kind: "nack", token: 1, delayMs: 5 },
  { kind: "move", token: 1, queue: "dead", body: undefined },
  { kind: "move", token: 1, queue: "dead", body },
  { kind: "extend", token: 1, leaseMs: 0 },
  { kind: "release", owner: "o" },
  { kind: "purge", queue: "q" },
  { kind: "closeQueue", queue: "q" },
];
const BATCH = { timeMs: 1_700_000_000_000, commands: EXAMPLES };

const golden = readFileSync(new URL("../../golden/store-commands.hex", import.meta.url), "utf8").replace(
  /\s/g,
  "",
);

/** Guards against a hang alone: the machine may be busy. */
const TIMEOUT_MS = 120_000;

describe("command codec", { timeout: TIMEOUT_MS }, () => {
  it("writes the bytes that stored logs have", () => {
    expect(Buffer.from(encodeCommands(BATCH)).toString("hex")).toBe(golden);
  });

  it("reads the bytes that stored logs have", () => {
    expect(decodeCommands(Buffer.from(golden, "hex"))).toEqual(BATCH);
  });

  it("gives back every batch", () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 8 }), fc.maxSafeNat(), (commands, timeMs) => {
        expect(decodeCommands(encodeCommands({ timeMs, commands }))).toEqual({ timeMs, commands });
      }),
      { numRuns: 500 },
    );
  });

  it("keeps no part of the batch's bytes in memory", () => {
    const bytes = encodeCommands({ timeMs: 1, commands: [{ kind: "move", token: 1, queue: "q", body }] });
    const [command] = decodeCommands(bytes).commands;
    bytes.fill(9);
    expect(command).toMatchObject({ body });
  });

  it("tells another version, another kind of record, and damage", () => {
    const bytes = encodeCommands(BATCH);
    const withByte = (at: number, byte: number): Uint8Array => {
      const copy = bytes.slice();
      copy[at] = byte;
      return copy;
    };
    expect(() => decodeCommands(withByte(1, 2))).toThrow(
      expect.objectContaining({ code: "CNR_ERR_STORE_FORMAT", details: { found: 2, known: 1 } }),
    );
    expect(refusalOf(() => decodeCommands(withByte(0, 0x53)))).toBe("CNR_ERR_STORE_CORRUPT");
    expect(refusalOf(() => decodeCommands(Uint8Array.of(...bytes, 0)))).toBe("CNR_ERR_STORE_CORRUPT");
    for (let length = 0; length < bytes.length; length++) {
      expect(
        refusalOf(() => decodeCommands(bytes.subarray(0, length))),
        `cut at ${length}`,
      ).toBe("CNR_ERR_STORE_CORRUPT");
    }
  });

  it("refuses unknown commands and operations, and texts and numbers that are none", () => {
    const hostile: Record<string, readonly number[]> = {
      "a command of unknown kind": [0x43, 1, 0, 1, 14],
      "an operation of unknown kind": [0x43, 1, 0, 1, 1, 0xa0, 1, 3],
      "half a UTF-16 unit": [0x43, 1, 0, 1, 11, 0xc4, 1, 0],
      "a priority of 0.5": [0x43, 1, 0, 1, 2, 0xa0, 0xc4, 0, 0xc2, 0, 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0],
      "a list of 4 billion": [0x43, 1, 0, 0xce, 255, 255, 255, 255],
      "a body of 4 GB": [0x43, 1, 0, 1, 2, 0xa0, 0xc6, 255, 255, 255, 255],
    };
    for (const [what, bytes] of Object.entries(hostile)) {
      expect(
        refusalOf(() => decodeCommands(Uint8Array.from(bytes))),
        what,
      ).toBe("CNR_ERR_STORE_CORRUPT");
    }
  });

  it("meets any bytes with a batch or a clean refusal", () => {
    const codes = new Set<string | undefined>();
    const start = encodeCommands(BATCH);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.of(0x43, 1, ...bytes)),
          fc
            .array(fc.tuple(fc.nat(start.length - 1), fc.integer({ min: 0, max: 255 })), {
              minLength: 1,
              maxLength: 4,
            })
            .map((edits) => {
              const bytes = start.slice();
              for (const [at, byte] of edits) bytes[at] = byte;
              return bytes;
            }),
        ),
        (bytes) => void codes.add(refusalOf(() => decodeCommands(bytes))),
      ),
      { numRuns: 5000 },
    );
    expect([...codes].sort()).toEqual(["CNR_ERR_STORE_CORRUPT", "CNR_ERR_STORE_FORMAT", undefined]);
  });
});
