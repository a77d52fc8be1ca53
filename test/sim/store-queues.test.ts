import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Command } from "../../src/stores/commands.ts";
import type { Delivery } from "../../src/stores/store.ts";
import type { StoreMachine } from "../../src/stores/store-machine.ts";
import { queueCommand, steps } from "../unit/stores/command-arbitrary.ts";
import { RecordedMachine } from "../unit/stores/recorded-machine.ts";
import { QueueModel } from "./store-queue-model.ts";

const QUEUES = ["a", "b", ""];
/** Guards against a hang alone: the machine may be busy. */
const TIMEOUT_MS = 120_000;

describe("the queues of a store", { timeout: TIMEOUT_MS }, () => {
  it("do what the plain model does, in every history: results, deliveries, their order, sizes", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(steps(queueCommand), (history) => {
        const recorded = new RecordedMachine();
        const model = new QueueModel();
        const trace: unknown[] = [];
        const expected: unknown[] = [];
        let nowMs = 1;
        for (const { command, laterMs } of history) {
          nowMs += laterMs;
          const result = recorded.apply(command, nowMs);
          const sizes = QUEUES.map((queue) => recorded.machine.queues.size(queue));
          trace.push([command.kind, result, recorded.effects.length, sizes]);
          expected.push([
            command.kind,
            model.apply(command, nowMs),
            model.effects.length,
            QUEUES.map((queue) => model.size(queue)),
          ]);
          seen.add(`${command.kind} ${typeof result === "number" ? result > 0 : String(result)}`);
        }
        expect(trace).toEqual(expected);
        expect(recorded.effects).toEqual(model.effects);
        const held = [...model.ready, ...model.delayed, ...model.leased].map((item) => item.queue);
        expect(new Set(recorded.machine.queues.names())).toEqual(new Set(held));
      }),
      { numRuns: 800 },
    );
    // Histories in which these never happen would prove little.
    for (const outcome of [
      "put stored",
      "put duplicate",
      "put closed",
      "ack true",
      "ack false",
      "nack true",
      "move moved",
      "move stale",
      "move closed",
      "extend true",
      "withdraw true",
      "purge true",
    ]) {
      expect(seen).toContain(outcome);
    }
  });

  it("keep every item: each is stored, held or settled once, and each delivery has a token of its own", () => {
    fc.assert(
      fc.property(steps(queueCommand), (history) => {
        const recorded = new RecordedMachine();
        let nowMs = 1;
        let expected = 0;
        for (const { command, laterMs } of history) {
          nowMs += laterMs;
          expected += itemsAdded(command, recorded.apply(command, nowMs));
          expect(itemsIn(recorded.machine), command.kind).toBe(expected);
        }
        const tokens = recorded.effects.flatMap(
          (effect) => (effect as [string, number, Delivery?])[2]?.token ?? [],
        );
        expect(tokens).toEqual(tokens.map((_, n) => n + 1));
      }),
      { numRuns: 500 },
    );
  });
});

function itemsAdded(command: Command, result: unknown): number {
  if (command.kind === "put") return result === "stored" ? 1 : 0;
  if (command.kind === "ack") return result === true ? -1 : 0;
  return command.kind === "purge" ? -(result as number) : 0;
}

function itemsIn({ queues }: StoreMachine): number {
  let items = 0;
  for (const name of queues.names()) {
    const { ready, leased, delayed } = queues.size(name);
    items += ready + leased + delayed;
  }
  return items;
}
