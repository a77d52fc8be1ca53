import { describe, expect, it } from "vitest";
import { ValueDecoder } from "../../src/codec/value-decoder.ts";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { failure } from "../../src/core/errors.ts";
import { withLimits } from "../../src/core/limits.ts";
import { linkAuthorities } from "../../src/dict/authority-link.ts";
import { deepEqual } from "../../src/dict/deep-equal.ts";
import { DictAuthority } from "../../src/dict/dict-authority.ts";
import { DictReplica } from "../../src/dict/dict-replica.ts";
import { linkReplicas } from "../../src/dict/replica-link.ts";
import { SharedDict } from "../../src/dict/shared-dict.ts";
import type { Session } from "../../src/session/session.ts";
import { MemoryStore } from "../../src/stores/memory-store.ts";
import type { Store } from "../../src/stores/store.ts";
import { sessionOver } from "../unit/session/session-pair.ts";
import { LateStore } from "./late-store.ts";
import { SimulatedNetwork } from "./network.ts";
import { SimulatedLink } from "./simulated-link.ts";

/** Written by plain operations alone: reads of these never go back. */
const PLAIN_KEYS = ["p0", "p1", "p2"];
/** Written by everything. */
const KEYS = [...PLAIN_KEYS, "c0", "c1"];
const CUT = failure("CNR_ERR_LINK_LOST", { reason: "the test" });

interface Tagged {
  readonly by: number;
  readonly n: number;
}

const decoder = new ValueDecoder({ maxDepth: 20, shapes: false });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function forward(what: string, from = 0, to = 0): void {
  if (!(to >= from)) throw new Error(`${what} go back from ${from} to ${to}`);
}

/** One who reads and writes, and looks at whether what it reads makes sense. */
class Actor {
  readonly id: number;
  readonly replica: DictReplica;
  readonly dict: SharedDict;
  readonly errors: unknown[] = [];
  /** What the events say that the dict holds. */
  readonly mirror = new Map<string, unknown>();
  session: Session | undefined;
  #written = 0;
  #unknown = 0;
  #newestOwn = new Map<string, number>();
  #lastOfOthers = new Map<string, number>();

  constructor(id: number) {
    this.id = id;
    this.replica = new DictReplica({
      limits: withLimits(),
      onError: (error) => void this.errors.push(error),
    });
    this.dict = new SharedDict(this.replica);
    this.dict.on("change", ({ changes }) => {
      for (const { key, value, previous } of changes) {
        if (!deepEqual(previous, this.mirror.get(key))) expect(previous, key).toEqual(this.mirror.get(key));
        if (value === undefined) this.mirror.delete(key);
        else this.mirror.set(key, value);
      }
    });
  }

  get isLinked(): boolean {
    return this.replica.whyDetached === undefined;
  }

  next(): Tagged {
    return { by: this.id, n: ++this.#written };
  }

  /** At the end of a turn, listeners have heard of all that can be read. */
  compareEvents(): void {
    if (this.errors.length > 0) throw this.errors[0];
    if (!deepEqual(this.mirror, new Map(this.dict))) expect(this.mirror).toEqual(new Map(this.dict));
  }

  /** @param places - of each value, in the order in which the server has taken them */
  look(places: ReadonlyMap<string, number>): void {
    if (this.dict.size !== [...this.dict.keys()].length) throw new Error("the size is wrong");
    for (const key of PLAIN_KEYS) {
      const value = this.dict.get(key) as Tagged | undefined;
      if (!value) continue;
      if (value.by === this.id) {
        if (value.n <= this.#unknown) continue;
        forward(`own writes to ${key}`, this.#newestOwn.get(key), value.n);
        this.#newestOwn.set(key, value.n);
      } else {
        const place = places.get(`${key} ${value.by} ${value.n}`) ?? Number.NaN;
        forward(`others' writes to ${key}`, this.#lastOfOthers.get(key), place);
        this.#lastOfOthers.set(key, place);
      }
    }
  }

  /** Nobody knows what becomes of the writes that are on the way: they may be ordered at any time, or never. */
  lost(): void {
    this.#unknown = this.#written;
  }
}

class Schedule {
  readonly network: SimulatedNetwork;
  readonly store: Store;
  readonly authority: DictAuthority;
  readonly actors: readonly Actor[];
  /** Each value that was committed, and when. */
  readonly places = new Map<string, number>();
  readonly waits: Promise<unknown>[] = [];
  readonly seen: Set<string>;
  /** The server's ends of sessions. */
  readonly servers = new Set<Session>();
  /** Whether keys that count something are left alone by deletes and clears. */
  readonly counts: boolean;
  increments = { done: 0, lost: 0 };
  pushes = { done: [] as string[], lost: 0 };
  #pushed = 0;

  constructor(seed: number, seen: Set<string>) {
    this.network = new SimulatedNetwork(seed * 7919);
    this.seen = seen;
    this.counts = seed % 3 === 0;
    const isLate = seed % 2 === 0;
    this.store = isLate ? new LateStore(this.network) : new MemoryStore();
    let place = 0;
    this.store.subscribe(undefined, {
      reset() {},
      change: (_, ops) => {
        for (const op of ops) {
          place++;
          if (op.kind !== "set") continue;
          const value = decoder.decode(new ByteReader(op.value)) as Tagged;
          this.places.set(`${op.key} ${value.by} ${value.n}`, place);
        }
      },
    });
    this.authority = new DictAuthority(this.store, withLimits());
    const count = 2 + this.random(3);
    this.actors = Array.from({ length: count }, (_, id) => new Actor(id));
    // The first one lives in the server's process.
    this.authority.joinReplica((this.actors[0] as Actor).replica);
  }

  random(below: number): number {
    return this.network.random(below);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.random(from.length)] as T;
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      if (this.random(3) === 0) this.network.step();
      else this.act(this.pick(this.actors));
      this.look();
      if (this.random(2) === 0) await this.turn();
    }
    await this.settle();
  }

  look(): void {
    for (const actor of this.actors) actor.look(this.places);
  }

  async turn(): Promise<void> {
    for (const { isSaturated } of this.servers) if (isSaturated) this.seen.add("behind");
    await turn();
    this.look();
    for (const actor of this.actors) actor.compareEvents();
  }

  async settle(): Promise<void> {
    let isSettled = false;
    void Promise.all(this.waits).then(() => {
      isSettled = true;
    });
    for (let quiet = 0, steps = 0; quiet < 5; steps++) {
      expect(steps, "it goes on for ever").toBeLessThan(3000);
      await this.turn();
      quiet = this.network.step() ? 0 : quiet + 1;
    }
    expect(isSettled, "every promise has settled").toBe(true);
  }

  act(actor: Actor): void {
    if (!actor.isLinked) {
      if (this.random(3) === 0) this.join(actor);
      return;
    }
    const { dict } = actor;
    switch (this.random(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        dict.set(this.pick(KEYS), actor.next());
        return;
      case 4:
        dict.delete(this.pick(KEYS));
        return;
      case 5:
        if (!this.counts) dict.clear();
        return;
      case 6:
        dict.update(Object.fromEntries([this.pick(KEYS), this.pick(KEYS)].map((key) => [key, actor.next()])));
        return;
      case 7:
        this.wait("synced", dict.synced());
        return;
      case 8:
        this.increment(actor);
        return;
      case 9:
        this.push(actor);
        return;
      case 10: {
        const key = this.pick(["c0", "c1"]);
        this.wait(
          "compareAndSet",
          dict.compareAndSet(key, this.pick([dict.get(key), undefined]), actor.next()),
        );
        return;
      }
      case 11:
        this.wait(
          "modify",
          dict.modify(this.pick(["c0", "c1"]), () => actor.next()),
        );
        return;
      case 12:
        this.wait(
          "slow modify",
          dict.modify("c0", async () => turn().then(() => actor.next())),
        );
        return;
      case 13:
        dict.setDefault("c1", actor.next());
        return;
      case 14:
        // What nobody can take: the writer alone hears of it.
        expect(() => dict.set("c0", Symbol("local"))).toThrow("symbol");
        return;
      default:
        if (actor.id > 0 && this.random(3) === 0) this.leave(actor);
    }
  }

  wait(what: string, promise: Promise<unknown>): void {
    this.waits.push(
      promise.then(
        () => this.seen.add(`${what} done`),
        (error: { code?: string }) => this.seen.add(`${what} ${error.code}`),
      ),
    );
  }

  increment(actor: Actor): void {
    const promise = actor.dict.increment("count");
    this.wait("increment", promise);
    this.waits.push(
      promise.then(
        () => this.increments.done++,
        // Any other reason means that it was refused, and has done nothing.
        (error: { code?: string }) => error.code === "CNR_ERR_LINK_LOST" && this.increments.lost++,
      ),
    );
  }

  push(actor: Actor): void {
    // Long enough for a patch to be shorter than the list.
    const item = `${actor.id}/${++this.#pushed} ${"-".repeat(50)}`;
    const promise = actor.dict.mutate("list", (list: string[] | undefined) => [...(list ?? []), item]);
    this.wait("mutate", promise);
    this.waits.push(
      promise.then(
        () => this.pushes.done.push(item),
        () => this.pushes.lost++,
      ),
    );
  }

  join(actor: Actor): void {
    const [serverEnd, clientEnd] = SimulatedLink.pair(this.network);
    const maxUnsentBytes = this.pick([60, 400, 1_000_000]);
    const server = sessionOver(serverEnd, { limits: { maxUnsentBytes }, waitsForReader: true });
    actor.session = sessionOver(clientEnd, {});
    linkAuthorities(server, {
      local: () => new DictAuthority(new MemoryStore(), withLimits()),
      global: this.authority,
    });
    const local = new DictReplica({ limits: withLimits(), onError() {} });
    const { ready } = linkReplicas(actor.session, { local, global: actor.replica });
    this.wait("ready", ready);
    this.servers.add(server);
  }

  leave(actor: Actor): void {
    this.seen.add("left");
    actor.session?.abort(CUT);
    actor.lost();
  }

  check(): void {
    const [server, ...clients] = this.actors as [Actor, ...Actor[]];
    expect(server.dict.pending).toBe(0);
    const truth = Object.fromEntries(server.dict);
    for (const client of clients) {
      expect(client.errors).toEqual([]);
      if (!client.isLinked) continue;
      expect(client.dict.pending).toBe(0);
      expect(Object.fromEntries(client.dict)).toEqual(truth);
    }
    if (!this.counts) return;
    const { done, lost } = this.increments;
    expect(truth["count"] ?? 0).toBeGreaterThanOrEqual(done);
    expect(truth["count"] ?? 0).toBeLessThanOrEqual(done + lost);
    const list = (truth["list"] ?? []) as string[];
    expect(new Set(list).size, "nothing is pushed twice").toBe(list.length);
    expect(list).toEqual(expect.arrayContaining(this.pushes.done));
    expect(list.length).toBeLessThanOrEqual(this.pushes.done.length + this.pushes.lost);
  }

  close(): void {
    for (const { session } of this.actors) session?.abort(CUT);
    this.authority.close(CUT);
  }
}

/** Guards against a hang alone: the machine may be busy. */
const TIMEOUT_MS = 240_000;
const SEEDS = Number(process.env["SIM_SEEDS"] ?? 2000);
/** What the schedules must have come upon, or they prove little. */
const EVERYTHING = [
  "behind",
  "compareAndSet CNR_ERR_CONFLICT",
  "compareAndSet CNR_ERR_LINK_LOST",
  "compareAndSet done",
  "increment CNR_ERR_LINK_LOST",
  "increment done",
  "left",
  "modify CNR_ERR_LINK_LOST",
  "modify done",
  "mutate CNR_ERR_LINK_LOST",
  "mutate done",
  "ready CNR_ERR_LINK_LOST",
  "ready done",
  "slow modify CNR_ERR_LINK_LOST",
  "slow modify done",
  "synced CNR_ERR_LINK_LOST",
  "synced done",
];

describe("dicts under seeded schedules", { timeout: TIMEOUT_MS }, () => {
  it("converge to the server's order, and never read backwards", async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const schedule = new Schedule(seed, seen);
      try {
        await schedule.run(60);
        schedule.check();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      } finally {
        schedule.close();
      }
    }
    expect([...seen].sort()).toEqual(EVERYTHING);
  });
});
