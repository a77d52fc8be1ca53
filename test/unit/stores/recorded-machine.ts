import type { Command } from "../../../src/stores/commands.ts";
import type { Effects } from "../../../src/stores/effects.ts";
import { encodeSnapshot, loadSnapshot } from "../../../src/stores/snapshot.ts";
import type { Delivery } from "../../../src/stores/store.ts";
import { StoreMachine } from "../../../src/stores/store-machine.ts";

/** A machine that keeps its results and effects as they come. */
export class RecordedMachine {
  readonly effects: unknown[] = [];
  readonly results: unknown[] = [];
  readonly machine: StoreMachine;

  constructor(snapshot?: Uint8Array) {
    const effects: Effects = {
      changed: (rev, ops, origin) => void this.effects.push(["changed", rev, ops, origin]),
      delivered: (consumer, delivery: Delivery) => void this.effects.push(["delivered", consumer, delivery]),
      ended: (consumer) => void this.effects.push(["ended", consumer]),
    };
    this.machine = new StoreMachine(effects);
    if (snapshot) loadSnapshot(snapshot, this.machine);
  }

  apply(command: Command, timeMs: number): unknown {
    const result = this.machine.apply(command, timeMs);
    this.results.push(result);
    return result;
  }

  snapshot(): Uint8Array {
    return encodeSnapshot(this.machine);
  }
}
