import { describe, expect, it } from "vitest";
import { Program, serve, startPrograms } from "../fixtures/programs.ts";
import { seeded } from "../fixtures/seeded.ts";

/** Items against processes that die: `get` is at most once, and nothing is swallowed. */
describe("queue items and killed getters", { timeout: 60_000 }, () => {
  it("a getter killed while it waits takes nothing with it", async () => {
    await using room = await serve([]);
    const victim = new Program();
    await room.add(victim);
    victim.run(({ client }) => client.globals.queues.tasks.get()).catch(() => undefined);
    await victim.run(({ client }) => client.globals.queues.tasks.size());
    await victim.kill();
    await room.server.queues.tasks.put("for the living");
    expect(await room.server.queues.tasks.get()).toBe("for the living");
  });

  it("a getter that is handed an item and dies before it can acknowledge has not swallowed it", async () => {
    const [survivor] = (await startPrograms(1)) as [Program];
    await using room = await serve([survivor]);
    const victim = new Program();
    await room.add(victim);
    for (let n = 0; n < 5; n++) victim.run(({ client }) => client.globals.queues.tasks.get()).catch(() => undefined);
    await victim.run(({ client }) => client.globals.queues.tasks.size());
    // Stopped, it is handed the items by its socket, and never runs again.
    victim.child.kill("SIGSTOP");
    for (let n = 0; n < 8; n++) await room.server.queues.tasks.put(n);
    await victim.kill();
    const got = await survivor.run(async ({ client }) => {
      const got: number[] = [];
      while (got.length < 8) got.push(await client.globals.queues.tasks.get());
      return got;
    });
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("hundreds of items, getters killed at random: each item is seen, and none by two living programs", async () => {
    const random = seeded(20_26);
    const items = 600;
    await using room = await serve([]);
    const { todo, seen } = room.server.queues;
    /** Reports each item that it got before it asks for the next: what a killed one got and did not report is its loss alone. */
    const work = ({ client }: Parameters<Parameters<Program["run"]>[0]>[0], who: number) =>
      (async () => {
        for await (const item of client.globals.queues.todo) void client.globals.queues.seen.put([item, who]);
      })();
    const workers = await startPrograms(3);
    for (const [n, worker] of workers.entries()) {
      await room.add(worker);
      worker.run(work, n).catch(() => undefined);
    }
    const reports: [item: number, who: number][] = [];
    const killed = new Set<number>();
    const killing = (async () => {
      for (let n = 0; n < 6; n++) {
        const at = reports.length + Math.floor(random() * 60);
        await expect.poll(() => reports.length > at || reports.length > items - 80, { interval: 1 }).toBe(true);
        const index = Math.floor(random() * workers.length);
        const victim = workers[index];
        if (!victim || killed.has(victim.pid)) continue;
        killed.add(victim.pid);
        await victim.kill();
        const next = new Program();
        await next.connect(room.server.url);
        workers[index] = next;
        next.run(work, 10 + n).catch(() => undefined);
      }
    })();
    const reporting = (async () => {
      for await (const report of seen) reports.push(report);
    })();
    for (let n = 0; n < items; n++) {
      await todo.put(n);
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await killing;
    await expect.poll(() => todo.size()).toBe(0);
    // What a victim had got and could not report is gone with it: `get` is at most once. All others are there, once.
    await todo.close();
    await expect.poll(() => reports.length, { timeout: 10_000 }).toBeGreaterThan(items - 6 * 40);
    await Promise.all(workers.map((worker) => worker.run(({ client }) => client.globals.queues.seen.put([-1, -1]))));
    await seen.close();
    await reporting;
    const got = reports.map(([item]) => item).filter((item) => item >= 0);
    expect(new Set(got).size).toBe(got.length);
    expect(killed.size).toBeGreaterThan(2);
  });

  it("an item that was never acknowledged goes back to its place, before those put later", async () => {
    await using room = await serve([]);
    const victim = new Program();
    await room.add(victim);
    victim.run(({ client }) => client.globals.queues.tasks.get()).catch(() => undefined);
    await victim.run(({ client }) => client.globals.queues.tasks.size());
    victim.child.kill("SIGSTOP");
    await room.server.queues.tasks.put("first");
    await room.server.queues.tasks.put("second");
    await victim.kill();
    expect(await room.server.queues.tasks.get()).toBe("first");
    expect(await room.server.queues.tasks.get()).toBe("second");
  });

  it("a killed putter leaves what it was told is stored", async () => {
    await using room = await serve([]);
    const victim = new Program();
    await room.add(victim);
    const putting = victim
      .run(async ({ client, kept }) => {
        for (kept.stored = 0; ; kept.stored++) await client.globals.queues.tasks.put(kept.stored);
      })
      .catch(() => undefined);
    await expect.poll(() => room.server.queues.tasks.size()).toBeGreaterThan(100);
    const told = await victim.run(({ kept }) => kept.stored);
    await victim.kill();
    await putting;
    await expect.poll(() => room.server.clients.length).toBe(0);
    const got: number[] = [];
    for (let item = await room.server.queues.tasks.tryGet(); item !== undefined; ) {
      got.push(item);
      item = await room.server.queues.tasks.tryGet();
    }
    expect(got).toEqual(got.map((_, n) => n));
    expect(got.length).toBeGreaterThanOrEqual(told);
  });

  it("local queues of a killed client end for its peer", async () => {
    await using room = await serve([]);
    const victim = new Program();
    const peer = await room.add(victim);
    const waiting = expect(peer.get()).rejects.toMatchObject({ name: expect.stringMatching(/^(Connection|Queue)Error$/) });
    await victim.kill();
    await waiting;
    await expect(peer.put(1)).rejects.toMatchObject({ name: expect.stringMatching(/^(Connection|Queue)Error$/) });
  });
});
