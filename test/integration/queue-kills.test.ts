import { describe, expect, it } from "vitest";
import { BRIEF, Program, serve, startPrograms, type World } from "../fixtures/programs.ts";
import { seeded } from "../fixtures/seeded.ts";

/** Items against processes that die: `get` is at most once, and nothing is swallowed. */
describe("queue items and killed getters", { timeout: 60_000 }, () => {
  it("a getter killed while it waits takes nothing with it", async () => {
    await using room = await serve([], BRIEF);
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
    await using room = await serve([survivor], BRIEF);
    const victim = new Program();
    await room.add(victim);
    for (let n = 0; n < 5; n++)
      victim.run(({ client }) => client.globals.queues.tasks.get()).catch(() => undefined);
    await victim.run(({ client }) => client.globals.queues.tasks.size());
    // Stopped, it is handed the items by its socket, and never runs again.
    await victim.stop();
    for (let n = 0; n < 8; n++) await room.server.queues.tasks.put(n);
    await victim.kill();
    // Until the server has given the victim up, the items are the victim's: it may come back.
    await expect.poll(() => room.server.clients.length).toBe(1);
    const got = await survivor.run(async ({ client }) => {
      const got: number[] = [];
      while (got.length < 8) got.push(await client.globals.queues.tasks.get());
      return got;
    });
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("hundreds of items, getters killed at random: none is given twice, and a victim takes at most the one it held", async () => {
    const random = seeded(20_26);
    const items = 600;
    await using room = await serve([], BRIEF);
    const { todo, seen } = room.server.queues;
    /** Reports each item before it asks for the next, so that a victim can hold one unreported, no more. */
    const work = async ({ client }: World): Promise<void> => {
      for await (const item of client.globals.queues.todo) await client.globals.queues.seen.put(item);
    };
    const start = async (): Promise<{ program: Program; ended: Promise<unknown> }> => {
      const program = new Program();
      await program.connect(room.server.url);
      return { program, ended: program.run(work).catch(() => "killed") };
    };
    const workers = [await start(), await start(), await start()];
    const reports: number[] = [];
    const reporting = (async () => {
      for await (const item of seen) reports.push(item);
    })();
    let killed = 0;
    const killing = (async () => {
      for (let n = 1; n <= 6; n++) {
        await expect.poll(() => reports.length, { interval: 1, timeout: 20_000 }).toBeGreaterThan(n * 70);
        const index = Math.floor(random() * workers.length);
        await workers[index]?.program.kill();
        killed++;
        workers[index] = await start();
      }
    })();
    for (let n = 0; n < items; n++) {
      await todo.put(n);
      if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, Math.floor(random() * 3)));
    }
    await killing;
    await todo.close();
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([undefined, undefined, undefined]);
    await seen.close();
    await reporting;
    expect(new Set(reports).size).toBe(reports.length);
    expect(killed).toBe(6);
    expect(reports.length).toBeGreaterThanOrEqual(items - killed);
  });

  it("hundreds of items, getters stopped and then killed at random: what they were handed goes to others, in its place", async () => {
    const random = seeded(7);
    await using room = await serve([], BRIEF);
    for (let round = 0; round < 5; round++) {
      const name = `todo${round}`;
      const todo = room.server.queues[name];
      const victim = new Program();
      await victim.connect(room.server.url);
      const gets = 1 + Math.floor(random() * 60);
      void victim
        .run(
          ({ client }, name, gets) =>
            Promise.all(Array.from({ length: gets }, () => client.globals.queues[name].get())),
          name,
          gets,
        )
        .catch(() => undefined);
      // When this has answered, the gets are at the server; stopped, the victim acknowledges nothing.
      await victim.run(({ client }, name) => client.globals.queues[name].size(), name);
      await victim.stop();
      for (let n = 0; n < 60; n++) {
        await todo.put(n);
        if (random() < 0.05) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await victim.kill();
      // Until the server knows, the items are the victim's.
      await expect.poll(() => room.server.clients.length).toBe(0);
      const got: number[] = [];
      for (let n = 0; n < 60; n++) got.push(await todo.get({ timeoutMs: 10_000 }));
      expect(got).toEqual(Array.from({ length: 60 }, (_, n) => n));
      expect(await todo.tryGet()).toBeUndefined();
    }
  });

  it("an item that was never acknowledged goes back to its place, before those put later", async () => {
    await using room = await serve([], BRIEF);
    const victim = new Program();
    await room.add(victim);
    victim.run(({ client }) => client.globals.queues.tasks.get()).catch(() => undefined);
    await victim.run(({ client }) => client.globals.queues.tasks.size());
    await victim.stop();
    await room.server.queues.tasks.put("first");
    await room.server.queues.tasks.put("second");
    await victim.kill();
    await expect.poll(() => room.server.clients.length).toBe(0);
    expect(await room.server.queues.tasks.get()).toBe("first");
    expect(await room.server.queues.tasks.get()).toBe("second");
  });

  it("a killed putter leaves what it was told is stored", async () => {
    await using room = await serve([], BRIEF);
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
    await using room = await serve([], BRIEF);
    const victim = new Program();
    const peer = await room.add(victim);
    const waiting = expect(peer.get()).rejects.toMatchObject({
      name: expect.stringMatching(/^(Connection|Queue)Error$/),
    });
    await victim.kill();
    await waiting;
    await expect(peer.put(1)).rejects.toMatchObject({
      name: expect.stringMatching(/^(Connection|Queue)Error$/),
    });
  });
});
