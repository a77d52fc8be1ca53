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
  const server = new Server({ host: "127.0.0.1" });
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
  const chance = random();
  if (chance < 0.2) await new Promise((resolve) => setImmediate(resolve));
  else if (chance < 0.4) await Promise.resolve();
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
  readonly received: number[] = [];
  readonly got: number[] = [];
  readonly called: number[] = [];
  readonly #end: End;
  readonly #plan: Plan;

  constructor(end: End, plan: Plan) {
    this.#end = end;
    this.#plan = plan;
    end.expose({
      step: (step: number) => {
        this.#sees("call", step);
        this.called.push(step);
      },
    });
  }

  /** Gets all items of the plan. */
  async getAll(): Promise<void> {
    for (const _ of stepsOf(this.#plan, "put")) {
      const [step] = (await this.#end.get()) as [number];
      this.#sees("put", step);
      this.got.push(step);
    }
  }

  /** Receives what no step has looked for. A `recv` that waits would hide its message from the steps. */
  async receiveRest(): Promise<void> {
    for (let left = stepsOf(this.#plan, "send").length - this.received.length; left > 0; left--) {
      this.received.push(((await this.#end.recv()) as [number])[0]);
    }
  }

  #sees(kind: Kind, step: number): void {
    const before = this.#plan.before[step] as Readonly<Record<Kind, number>>;
    for (let next = this.#end.tryRecv(); next; next = this.#end.tryRecv()) {
      this.received.push((next as [number])[0]);
    }
    if (this.received.length < before.send) this.violations.push(`${kind} ${step} before a send`);
    if (this.called.length < before.call) this.violations.push(`${kind} ${step} before a call`);
    for (const write of stepsOf(this.#plan, "write").filter((each) => each < step)) {
      const seen = (this.#end.vars[`key ${write % 7}`] as [number] | undefined)?.[0] ?? -1;
      if (seen < write) this.violations.push(`${kind} ${step} before write ${write}`);
    }
  }
}

function stepsOf(plan: Plan, kind: Kind): number[] {
  return [...plan.kinds.keys()].filter((step) => plan.kinds[step] === kind);
}

describe("the order of one link", () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`is kept across dict, pipe, queue and calls, whatever the mix (seed ${seed})`, async () => {
      const random = seeded(seed);
      const { server, clients } = await connected(1);
      const [client] = clients as [Client];
      const [peer] = server.clients;
      if (!peer) throw new Error("no peer");
      const [from, to] = seed % 2 ? [client, peer] : [peer, client];
      const plan = planOf(random);
      const observer = new Observer(to as unknown as End, plan);
      await Promise.all([observer.getAll(), perform(from as unknown as End, plan, random)]);
      await observer.receiveRest();
      expect(observer.violations).toEqual([]);
      expect(observer.called).toEqual(stepsOf(plan, "call"));
      expect(observer.received).toEqual(stepsOf(plan, "send"));
      expect(observer.got).toEqual(stepsOf(plan, "put"));
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
