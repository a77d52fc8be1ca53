import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCommands, encodeCommands } from "../../src/stores/command-codec.ts";
import { anyCommand, steps } from "../unit/stores/command-arbitrary.ts";
import { RecordedMachine } from "../unit/stores/recorded-machine.ts";

/** Guards against a hang alone: the machine may be busy. */
const TIMEOUT_MS = 120_000;

describe("the store machine", { timeout: TIMEOUT_MS }, () => {
  it("comes to the same state, byte for byte, by the same log, also when the log was stored", () => {
    fc.assert(
      fc.property(steps(anyCommand), (history) => {
        const [live, replayed] = [new RecordedMachine(), new RecordedMachine()];
        let nowMs = 0;
        for (const { command, laterMs } of history) {
          nowMs += laterMs;
          live.apply(command, nowMs);
          const stored = decodeCommands(encodeCommands({ timeMs: nowMs, commands: [command] }));
          for (const each of stored.commands) replayed.apply(each, stored.timeMs);
        }
        expect(replayed.results).toEqual(live.results);
        expect(replayed.effects).toEqual(live.effects);
        expect(Buffer.compare(replayed.snapshot(), live.snapshot())).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("comes to the same state by a snapshot at any point and the rest of the log", () => {
    fc.assert(
      fc.property(steps(anyCommand), fc.nat(), (history, point) => {
        const whole = new RecordedMachine();
        let resumed: RecordedMachine | undefined;
        let effectsBefore = 0;
        let nowMs = 0;
        for (const [n, { command, laterMs }] of history.entries()) {
          if (n === point % history.length) {
            resumed = new RecordedMachine(whole.snapshot());
            effectsBefore = whole.effects.length;
          }
          nowMs += laterMs;
          const result = whole.apply(command, nowMs);
          if (resumed) expect(resumed.apply(command, nowMs)).toEqual(result);
        }
        expect(resumed?.effects).toEqual(whole.effects.slice(effectsBefore));
        expect(resumed?.snapshot()).toEqual(whole.snapshot());
        expect(resumed?.machine.nextDueMs).toBe(whole.machine.nextDueMs);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps nothing when everything is settled, released and forgotten", () => {
    fc.assert(
      fc.property(
        steps(anyCommand.filter(({ kind }) => kind !== "closeQueue" && kind !== "commit")),
        (history) => {
          const recorded = new RecordedMachine();
          let nowMs = 0;
          for (const { command, laterMs } of history) {
            nowMs += laterMs;
            recorded.apply(command, nowMs);
          }
          for (const owner of ["ann", "bob", "cleo"]) recorded.apply({ kind: "release", owner }, nowMs);
          for (const queue of recorded.machine.queues.names())
            recorded.apply({ kind: "purge", queue }, nowMs);
          recorded.apply({ kind: "tick" }, nowMs + 120_000);
          const { table } = recorded.machine.queues;
          expect([...table.queues.keys()]).toEqual([]);
          expect([...table.leases, ...table.due, ...table.ids.entries()]).toEqual([]);
          expect(recorded.machine.nextDueMs).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });
});
