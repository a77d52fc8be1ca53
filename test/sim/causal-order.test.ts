import { afterEach, describe, expect, it } from "vitest";
import { Client, Server } from "../../src/index.ts";
import { seeded } from "../fixtures/seeded.ts";

type Kind = "write" | "send" | "put" | "call";
const KINDS: readonly Kind[] = ["write", "send", "put", "call"];
const STEPS = 300;

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

async function connected(count: number): Promise<{ server: Server; clients: Client[] }> {
  const server = new Server();
  open.push(server);
  await server.listen();
  const clients: Client[] = [];
  for (let n = 0; n < count; n++) {
    const client = new Client();
    open.push(client);
    await client.connect(server.url ?? "");
    clients.push(client);
  }
  return { server, clients };
}

interface Plan {
  readonly kinds: readonly Kind[];
  /** For each step, how many steps of each kind came before it. */
  readonly before: readonly Readonly<Record<Kind, number>>[];
}

function planOf(random: () => number): Plan {
  const count: Record<Kind, number> = { write: 0, send: 0, put: 0, call: 0 };
  const kinds: Kind[] = [];
  const before: Record<Kind, number>[] = [];
  for (let n = 0; n < STEPS; n++) {
    const kind = KINDS[Math.floor(random() * KINDS.length)] ?? "call";
    kinds.push(kind);
    before.push({ ...count });
    count[kind]++;
  }
  return { kinds, before };
}

/** One side of a link: what a program does on it. */
type End = Pick<Client, "vars" | "send" | "recv" | "tryRecv" | "put" | "get" | "callRemote" | "expose">;

/** Waits now and then, so that some steps share a turn and others do not. */
async function pause(random: () => number): Promise<void> {
  if (random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
  else if (random() < 0.2) await null;
}

/** Does the steps of a plan, each by its mechanism, without waiting for any. */
async function perform(end: End, { kinds }: Plan, random: () => number): Promise<void> {
  const done: Promise<unknown>[] = [];
  for (const [step, kind] of kinds.entries()) {
    const padding = random() < 0.05 ? "x".repeat(20_000) : "";
    if (kind === "write") end.vars[`key ${step % 7}`] = [step, padding];
    else if (kind === "send") done.push(end.send([step, padding]));
    else if (kind === "put") done.push(end.put([step, padding]));
    else done.push(end.callRemote("step", [step, padding]));
    await pause(random);
  }
  await Promise.all(done);
}

/** Watches the other end, and checks at every step seen there that all steps before it are there too. */
class Observer {
  readonly violations: string[] = [];
  readonly #end: End;
  readonly #plan: Plan;
  readonly #received: number[] = [];
  #calls = 0;

  constructor(end: End, plan: Plan) {
    this.#end = end;
    this.#plan = plan;
    end.expose({ step: (step: number) => this.#sees("call", step) });
  }

  /** Receives and gets all that the plan has of both. */
  async watch(): Promise<void> {
    const last = (kind: Kind): number => this.#plan.kinds.filter((each) => each === kind).length;
    const receiving = async (): Promise<void> => {
      while (this.#received.length < last("send")) {
        const [step] = (await this.#end.recv()) as [number];
        this.#received.push(step);
        this.#sees("send", step);
      }
    };
    const getting = async (): Promise<void> => {
      let previous = -1;
      for (let left = last("put"); left > 0; left--) {
        const [step] = (await this.#end.get()) as [number];
        if (step <= previous) this.violations.push(`put ${step} after ${previous}`);
        previous = step;
        this.#sees("put", step);
      }
    };
    await Promise.all([receiving(), getting()]);
    expect(this.#received).toEqual(this.#received.toSorted((a, b) => a - b));
    expect(this.#calls).toBe(last("call"));
  }

  #sees(kind: Kind, step: number): void {
    const before = this.#plan.before[step] as Readonly<Record<Kind, number>>;
    if (kind === "call" && this.#calls++ !== before.call) this.violations.push(`call ${step} out of turn`);
    if (this.#calls < before.call) this.violations.push(`${kind} ${step} before a call`);
    for (let other = 0; other < step; other++) {
      if (this.#plan.kinds[other] !== "write") continue;
      const seen = (this.#end.vars[`key ${other % 7}`] as [number] | undefined)?.[0] ?? -1;
      if (seen < other) this.violations.push(`${kind} ${step} before write ${other}`);
    }
    // A recv that waits takes what comes first: what it has in its hands is not lost, only not looked at yet.
    if (kind === "call") return;
    const arrived = this.#received.length + this.#unread();
    if (kind === "put" && arrived + 1 < before.send) this.violations.push(`put ${step} before a send`);
  }

  /** Takes what has arrived on the pipe and nobody has received. */
  #unread(): number {
    for (let next = this.#end.tryRecv(); next; next = this.#end.tryRecv()) this.#received.push((next as [number])[0]);
    return 0;
  }
}

describe("the order of one link", () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`is kept across dict, pipe, queue and calls, whatever the mix (seed ${seed})`, async () => {
      const random = seeded(seed);
      const { server, clients } = await connected(1);
      const [client] = clients as [Client];
      const [peer] = server.clients;
      if (!peer) throw new Error("no peer");
      // The server's end sees what the client sent; for the other direction, what the client sees.
      const [from, to] = seed % 2 ? [client, peer] : [peer, client];
      const plan = planOf(random);
      const observer = new Observer(to as unknown as End, plan);
      const watching = observer.watch();
      await perform(from as unknown as End, plan, random);
      await watching;
      expect(observer.violations).toEqual([]);
    });
  }
});

describe("the order across clients", () => {
  for (let seed = 1; seed <= 6; seed++) {
    it(`is kept: whoever gets an item sees what its sender wrote before (seed ${seed})`, async () => {
      const random = seeded(seed);
      const { server, clients } = await connected(4);
      const [writer, ...workers] = clients as [Client, ...Client[]];
      const violations: string[] = [];
      const work = async (worker: Client): Promise<void> => {
        for (;;) {
          const step = (await worker.globals.get()) as number;
          if (step < 0) return;
          const seen = (worker.globals.vars["step"] as number | undefined) ?? -1;
          if (seen < step) violations.push(`item ${step} before its write; saw ${seen}`);
        }
      };
      const working = Promise.all(workers.map(work));
      for (let step = 0; step < 200; step++) {
        writer.globals.vars["step"] = step;
        const put = writer.globals.put(step);
        if (random() < 0.3) await put;
        await pause(random);
      }
      for (const _ of workers) await writer.globals.put(-1);
      await working;
      expect(violations).toEqual([]);
      expect(server.vars["step"]).toBe(199);
    });
  }
});
