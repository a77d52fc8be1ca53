import { describe, expect, it } from "vitest";
import { ConnectionError, ConnectorError } from "../../src/core/errors.ts";
import type { Queue } from "../../src/queues/queue.ts";
import { type QueueClient, QueueWorld } from "../unit/queues/queue-world.ts";
import { SimulatedNetwork } from "./network.ts";
import { simulatedLinkPair } from "./queue-links.ts";
import { RecordingStore } from "./recording-store.ts";

const SEEDS = 2000;
const STEPS = 90;
const QUEUES = ["a", "b"];

/** Nobody breaks the protocol here, and every value can be read. */
const EXPECTED: ReadonlySet<string> = new Set([
  "CNR_ERR_QUEUE_CLOSED",
  "CNR_ERR_TIMEOUT",
  "CNR_ERR_LINK_LOST",
  "CNR_ERR_CLOSED",
]);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Receipt {
  readonly owner: string;
  readonly value: number;
}

/** Programs that put, get, give up, die and close as the seed says, and a list of all that came of it. */
class Run {
  readonly network: SimulatedNetwork;
  readonly store = new RecordingStore();
  readonly world: QueueWorld;
  readonly received: Receipt[] = [];
  readonly failedGets: unknown[] = [];
  readonly failedPuts: unknown[] = [];
  /** What is known of each put. */
  readonly puts = new Map<number, "pending" | "stored" | "not stored" | "unknown">();
  readonly gone = new Set<string>();
  readonly aborts: AbortController[] = [];
  pending = 0;
  #lastValue = 0;

  constructor(seed: number) {
    this.network = new SimulatedNetwork(seed);
    for (let n = 0; n < 5; n++) this.network.random(2);
    const maxQueueItems = 1 + this.network.random(6);
    this.world = new QueueWorld({
      store: this.store,
      limits: { maxQueueItems },
      links: () => simulatedLinkPair(this.network),
    });
    for (let n = 0; n < 3; n++) this.world.connect();
  }

  get living(): QueueClient[] {
    return this.world.clients.filter(({ name }) => !this.gone.has(name));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.network.random(from.length)] as T;
  }

  /** A queue as one of the programs sees it; the server is one of them. */
  someone(): { owner: string; queue: Queue<number> } {
    const client = this.pick([undefined, ...this.living]);
    const name = this.pick(QUEUES);
    if (!client) return { owner: "server", queue: this.world.server.get(name) as Queue<number> };
    return { owner: client.name, queue: client.queue<number>(name) };
  }

  signal(): AbortSignal {
    const abort = new AbortController();
    this.aborts.push(abort);
    return abort.signal;
  }

  get(): void {
    const { owner, queue } = this.someone();
    const how = this.network.random(4);
    const promise =
      how === 0
        ? queue.get({ signal: this.signal() })
        : how === 1
          ? queue.tryGet()
          : how === 2
            ? queue.get({ timeoutMs: 0 })
            : queue.get();
    this.#track(
      promise,
      (value) => {
        if (value !== undefined) this.received.push({ owner, value });
      },
      (error) => this.failedGets.push(error),
    );
  }

  put(): void {
    const { queue } = this.someone();
    const value = ++this.#lastValue;
    this.puts.set(value, "pending");
    const how = this.network.random(4);
    const promise: Promise<unknown> =
      how === 0
        ? queue.put(value, { signal: this.signal() })
        : how === 1
          ? queue.tryPut(value)
          : how === 2
            ? queue.put(value, { priority: this.network.random(3) - 1 })
            : queue.put(value);
    this.#track(
      promise,
      (stored) => {
        this.puts.set(value, stored === false ? "not stored" : "stored");
      },
      (error) => {
        const isSure =
          ConnectorError.is(error) &&
          (error.code === "CNR_ERR_QUEUE_CLOSED" ||
            (error instanceof ConnectionError && error.executed === "no"));
        this.failedPuts.push(error);
        this.puts.set(value, isSure ? "not stored" : "unknown");
      },
    );
  }

  #track<T>(promise: Promise<T>, onValue: (value: T) => void, onError: (error: unknown) => void): void {
    this.pending++;
    promise.then(onValue, onError).finally(() => this.pending--);
  }

  leave(): void {
    const client = this.pick(this.living);
    // Half of them with the last item still warm in their hands.
    const last = this.received.at(-1);
    const holder = this.living.find(({ name }) => name === last?.owner);
    this.#endOf(holder && this.network.random(2) === 0 ? holder : client);
  }

  #endOf(client: QueueClient): void {
    this.gone.add(client.name);
    if (this.network.random(3) === 0) void client.session.close();
    else client.kill();
    this.world.connect();
  }

  async step(): Promise<void> {
    const draw = this.network.random(100);
    if (draw < 40) this.network.step();
    else if (draw < 62) this.get();
    else if (draw < 84) this.put();
    else if (draw < 91 && this.aborts.length > 0) this.pick(this.aborts).abort("given up");
    else if (draw < 95) this.leave();
    else if (draw < 96)
      void this.someone()
        .queue.size()
        .catch(() => {});
    else if (draw === 96 && this.network.random(4) === 0)
      void this.someone()
        .queue.clear()
        .catch(() => {});
    else if (draw === 97 && this.network.random(6) === 0)
      void this.someone()
        .queue.close()
        .catch(() => {});
    // Not after each: several things then happen in one turn.
    if (this.network.random(3) > 0) await turn();
  }

  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await turn();
      quiet = this.network.step() ? 0 : quiet + 1;
    }
  }

  /** Takes what is left. Getters that still wait get their share of it. */
  async drain(): Promise<void> {
    await this.settle();
    for (const name of QUEUES) {
      for (;;) {
        const value = await (this.world.server.get(name) as Queue<number>).tryGet().catch(() => undefined);
        if (value === undefined) break;
        this.received.push({ owner: "server", value });
        await this.settle();
      }
    }
  }
}

async function check(seed: number): Promise<void> {
  const run = new Run(seed);
  for (let n = 0; n < STEPS; n++) await run.step();
  await run.drain();
  const { store, received, puts } = run;

  for (const name of QUEUES)
    expect(store.size(name), "all is out").toEqual({ ready: 0, leased: 0, delayed: 0 });
  // Stored is what its sender believes to be stored, once.
  expect(new Set(store.stored).size).toBe(store.stored.length);
  const stored = new Set(store.stored);
  for (const [value, state] of puts) {
    if (state === "stored") expect(stored.has(value), `${value} is stored`).toBe(true);
    if (state === "not stored") expect(stored.has(value), `${value} is not stored`).toBe(false);
  }
  // Everything stored was settled once, or cleared; by one who received it.
  const settled = store.acknowledged.map(({ value }) => value);
  expect(new Set(settled).size, "settled once").toBe(settled.length);
  expect(settled.length + store.cleared, "nothing is lost").toBe(stored.size);
  for (const { owner, value } of store.acknowledged) {
    const receipts = received.filter((receipt) => receipt.owner === owner && receipt.value === value);
    expect(receipts.length, `${value} was received by ${owner}, who settled it`).toBe(1);
  }
  // Whoever received without settling is gone: nothing is given twice.
  for (const { owner, value } of received) {
    const isSettled = store.acknowledged.some((one) => one.owner === owner && one.value === value);
    if (!isSettled) expect(run.gone, `${owner} has ${value} and did not settle it`).toContain(owner);
  }
  for (const error of [...run.failedGets, ...run.failedPuts]) {
    expect(error === "given up" || EXPECTED.has((error as ConnectorError).code), String(error)).toBe(true);
  }

  const closed = run.world.close();
  await run.settle();
  await closed;
  await run.settle();
  expect(run.pending, "every promise has settled").toBe(0);
}

describe("queues under random schedules", () => {
  const BATCH = 200;
  for (let first = 1; first <= SEEDS; first += BATCH) {
    it(`lose nothing, give nothing twice and leave nobody waiting: seeds ${first} to ${first + BATCH - 1}`, async () => {
      for (let seed = first; seed < first + BATCH; seed++) {
        await check(seed).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
    }, 60_000);
  }
});
