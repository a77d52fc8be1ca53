import { describe, expect, it } from "vitest";
import { ConnectorError } from "../../src/core/errors.ts";
import type { Queue } from "../../src/queues/queue.ts";
import { type QueueClient, QueueWorld } from "../unit/queues/queue-world.ts";
import { SimulatedNetwork } from "./network.ts";
import { QueueModel } from "./queue-model.ts";

const SEEDS = 1000;
const STEPS = 60;

/**
 * One step at a time, each with all its consequences before the next: then the outcome of every call is determined,
 * and has to be the one of a model of a few lines.
 */
class Run {
  readonly #draws: SimulatedNetwork;
  readonly #world: QueueWorld;
  readonly #model: QueueModel;
  readonly #said: string[] = [];
  readonly #aborts = new Map<number, { readonly abort: AbortController; readonly owner: string }>();
  readonly #gone = new Set<string>();
  #lastCall = 0;

  constructor(seed: number) {
    this.#draws = new SimulatedNetwork(seed * 7919);
    const maxQueueItems = 1 + this.#random(4);
    this.#world = new QueueWorld({ limits: { maxQueueItems } });
    this.#model = new QueueModel(maxQueueItems);
    for (let n = 0; n < 3; n++) this.#world.connect();
  }

  #random(below: number): number {
    return this.#draws.random(below);
  }

  get #living(): QueueClient[] {
    return this.#world.clients.filter(({ name }) => !this.#gone.has(name));
  }

  #someone(): { owner: string; queue: Queue<number> } {
    const who = this.#random(this.#living.length + 1);
    const client = this.#living[who];
    if (!client) return { owner: "server", queue: this.#world.server.get("tasks") as Queue<number> };
    return { owner: client.name, queue: client.queue<number>() };
  }

  #call(
    owner: string,
    canAbort: boolean,
    start: (call: number, signal: AbortSignal | undefined) => Promise<unknown>,
  ): void {
    const call = ++this.#lastCall;
    const abort = new AbortController();
    if (canAbort) this.#aborts.set(call, { abort, owner });
    start(call, canAbort ? abort.signal : undefined).then(
      (value) => this.#said.push(`${call}: ${String(value)}`),
      (error: unknown) =>
        this.#said.push(`${call}: ${ConnectorError.is(error) ? error.code : String(error)}`),
    );
  }

  #act(): void {
    const { owner, queue } = this.#someone();
    const model = this.#model;
    const draw = this.#random(100);
    const canAbort = this.#random(2) === 0;
    if (draw < 30) {
      this.#call(owner, canAbort, (call, signal) => {
        model.get(call, owner);
        return signal ? queue.get({ signal }) : queue.get();
      });
    } else if (draw < 60) {
      const priority = this.#random(4) === 0 ? this.#random(3) - 1 : 0;
      this.#call(owner, canAbort, (call, signal) => {
        model.put(call, owner, priority);
        return queue.put(call, { signal, priority });
      });
    } else if (draw < 68) {
      this.#call(owner, false, (call) => {
        model.tryGet(call);
        return queue.tryGet();
      });
    } else if (draw < 76) {
      this.#call(owner, false, (call) => {
        model.tryPut(call);
        return queue.tryPut(call);
      });
    } else if (draw < 80) {
      this.#call(owner, false, (call) => {
        model.size(call);
        return queue.size();
      });
    } else if (draw < 81) {
      this.#call(owner, false, (call) => {
        model.clear(call);
        return queue.clear();
      });
    } else if (draw < 94) this.#abortOne();
    else if (draw < 98) this.#kill();
    else if (this.#random(6) === 0) {
      this.#call(owner, false, (call) => {
        model.close(call);
        return queue.close();
      });
    }
  }

  #abortOne(): void {
    const pending = [...this.#aborts.keys()].filter((call) => this.#model.isPending(call));
    const call = pending[this.#random(Math.max(pending.length, 1))];
    if (call === undefined) return;
    this.#model.abort(call);
    this.#aborts.get(call)?.abort.abort("given up");
  }

  #kill(): void {
    const client = this.#living[this.#random(this.#living.length)] as QueueClient;
    this.#gone.add(client.name);
    this.#model.kill(client.name);
    client.kill();
    this.#world.connect();
  }

  async check(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve));
      // What one step leads to is settled in no promised order.
      expect(this.#said.sort(), `step ${step}`).toEqual(this.#model.said.sort());
    }
    await this.#world.close();
  }
}

describe("queues, one step at a time,", () => {
  const BATCH = 250;
  for (let first = 1; first <= SEEDS; first += BATCH) {
    it(`do what the model does: seeds ${first} to ${first + BATCH - 1}`, async () => {
      for (let seed = first; seed < first + BATCH; seed++) {
        await new Run(seed).check().catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
    }, 60_000);
  }
});
