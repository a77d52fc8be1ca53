import type { Command, CommandKind, CommandOf, CommandResults } from "./commands.ts";
import { DictState } from "./dict-state.ts";
import type { Effects } from "./effects.ts";
import { QueueMachine } from "./queue-machine.ts";

/**
 * The state of a store: the same commands with the same times give the same state, results and effects everywhere.
 * It reads no clock and no random number; time only goes forward, by the commands.
 */
export class StoreMachine {
  readonly dict: DictState = new DictState();
  readonly #effects: Effects;
  #queues: QueueMachine | undefined;
  nowMs = 0;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  /** Made on first use: many stores hold a dict alone. */
  get queues(): QueueMachine {
    this.#queues ??= new QueueMachine(this.#effects);
    return this.#queues;
  }

  /** When a `tick` will change something, unless another command comes first. */
  get nextDueMs(): number | undefined {
    return this.#queues?.nextDueMs;
  }

  apply<K extends CommandKind>(command: CommandOf<K>, timeMs: number): CommandResults[K] {
    if (timeMs > this.nowMs) this.nowMs = timeMs;
    this.#queues?.expire(this.nowMs);
    return this.#execute(command) as CommandResults[K];
  }

  #execute(command: Command): CommandResults[CommandKind] {
    switch (command.kind) {
      case "commit": {
        const result = this.dict.commit(command.ops);
        if (result.ok) this.#effects.changed(result.rev, command.ops, command.origin);
        return result;
      }
      case "put":
        return this.queues.put(command, this.nowMs);
      case "consume":
        this.queues.consume(command);
        return undefined;
      case "demand":
        this.queues.demand(command, this.nowMs);
        return undefined;
      case "withdraw":
        return this.queues.withdraw(command);
      case "closeConsumer":
        this.queues.closeConsumer(command);
        return undefined;
      case "ack":
        return this.queues.ack(command);
      case "nack":
        return this.queues.nack(command, this.nowMs);
      case "move":
        return this.queues.move(command, this.nowMs);
      case "extend":
        return this.queues.extend(command, this.nowMs);
      case "release":
        this.queues.release(command, this.nowMs);
        return undefined;
      case "purge":
        return this.queues.purge(command);
      case "closeQueue":
        this.queues.closeQueue(command);
        return undefined;
      case "tick":
        return undefined;
    }
  }
}
