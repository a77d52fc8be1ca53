import { beforeAll, describe, expect, it } from "vitest";
import { type Program, serve, startPrograms } from "../fixtures/programs.ts";

/** "After `vars.f = f; await queue.put(x)`, whoever gets `x` already sees `f`": order across mechanisms and clients. */
describe("causal order", { timeout: 30_000 }, () => {
  let one: Program;
  let two: Program;
  let three: Program;
  let programs: Program[];
  beforeAll(async () => {
    programs = await startPrograms(3);
    [one, two, three] = programs as [Program, Program, Program];
  });
  const ROUNDS = 150;

  it("from the server: whoever gets the item sees the variable", async () => {
    await using room = await serve(programs);
    const getting = Promise.all(
      programs.map((program) =>
        program.run(async ({ client }) => {
          const late: unknown[] = [];
          for await (const n of client.globals.queues.tasks)
            if ((client.globals.vars.f ?? -1) < n) late.push(n);
          return late;
        }),
      ),
    );
    for (let n = 0; n < ROUNDS; n++) {
      room.server.vars.f = n;
      await room.server.queues.tasks.put(n);
    }
    await room.server.queues.tasks.close();
    expect(await getting).toEqual([[], [], []]);
  });

  it("from a client, awaited or not: another client and the server see it", async () => {
    await using room = await serve(programs);
    const watch = two.run(async ({ client }) => {
      const late: unknown[] = [];
      for await (const n of client.globals.queues.forTwo) if ((client.globals.vars.f ?? -1) < n) late.push(n);
      return late;
    });
    const writing = one.run(async ({ client }, rounds) => {
      for (let n = 0; n < rounds; n++) {
        client.globals.vars.f = n;
        void client.globals.queues.forTwo.put(n);
        client.globals.vars.g = n;
        await client.globals.queues.forServer.put(n);
      }
      await client.globals.queues.forTwo.close();
    }, ROUNDS);
    for (let n = 0; n < ROUNDS; n++) {
      expect(await room.server.queues.forServer.get()).toBe(n);
      expect(room.server.vars.g).toBeGreaterThanOrEqual(n);
    }
    await writing;
    expect(await watch).toEqual([]);
  });

  it("through a chain of programs: variable, queue, pipe, call", async () => {
    await using room = await serve(programs);
    room.server.expose({ look: () => room.server.vars.step });
    const second = two.run(async ({ client }, rounds) => {
      const wrong: unknown[] = [];
      for (let n = 0; n < rounds; n++) {
        const item = await client.globals.queues.toTwo.get();
        if (client.globals.vars.step < item) wrong.push(["two", item]);
        client.globals.vars.step = item + 0.5;
        await client.globals.queues.toThree.put(item);
      }
      return wrong;
    }, ROUNDS);
    const third = three.run(async ({ client }, rounds) => {
      const wrong: unknown[] = [];
      for (let n = 0; n < rounds; n++) {
        const item = await client.globals.queues.toThree.get();
        if (client.globals.vars.step < item + 0.5) wrong.push(["three", item, client.globals.vars.step]);
        if ((await client.remote.look()) < item + 0.5) wrong.push(["server", item]);
        client.globals.vars.step = item + 0.75;
        await client.send(item);
      }
      return wrong;
    }, ROUNDS);
    const first = one.run(async ({ client }, rounds) => {
      for (let n = 0; n < rounds; n++) {
        client.globals.vars.step = n;
        await client.globals.queues.toTwo.put(n);
        await client.recv();
      }
    }, ROUNDS);
    const wrong: unknown[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      const item = await room.peer(2).recv();
      if (room.server.vars.step < item + 0.75) wrong.push(item);
      await room.peer(0).send(item);
    }
    await first;
    expect([wrong, await second, await third]).toEqual([[], [], []]);
  });

  it("a pipe message, a call and a broadcast come after the variables written before them", async () => {
    await using room = await serve(programs);
    const { server } = room;
    server.expose({ seen: () => server.vars.fromOne });
    await Promise.all(
      programs.map((program) =>
        program.run(({ client }) => client.expose({ seen: () => client.globals.vars.fromServer })),
      ),
    );
    for (let n = 0; n < 50; n++) {
      server.vars.fromServer = n;
      const answers = room.peers.map((peer) => peer.remote.seen());
      expect(await Promise.all(answers)).toEqual([n, n, n]);
    }
    expect(
      await one.run(async ({ client }) => {
        const wrong: unknown[] = [];
        for (let n = 0; n < 50; n++) {
          client.globals.vars.fromOne = n;
          const seen = await client.remote.seen();
          if (seen !== n) wrong.push([n, seen]);
        }
        return wrong;
      }),
    ).toEqual([]);
    const hearing = Promise.all(
      programs.map((program) =>
        program.run(async ({ client }) => {
          const late: unknown[] = [];
          for (let n = 0; n < 50; n++) {
            const told = await client.recv();
            if (client.globals.vars.told < told) late.push(told);
          }
          return late;
        }),
      ),
    );
    for (let n = 0; n < 50; n++) {
      server.vars.told = n;
      await server.broadcast(n);
    }
    expect(await hearing).toEqual([[], [], []]);
  });

  it("small operations of one link keep their order whatever mechanism they use, among large ones", async () => {
    await using room = await serve([one]);
    const log: string[] = [];
    room.server.expose({ note: (text: string) => void log.push(text) });
    await one.run(async ({ client }) => {
      for (let n = 0; n < 20; n++) {
        void client.remote.note(`call ${n}`);
        if (n % 5 === 0) void client.pipes.bulk.send(new Uint8Array(300_000));
      }
      await client.remote.note("end");
    });
    expect(log).toEqual([...Array.from({ length: 20 }, (_, n) => `call ${n}`), "end"]);
  });
});
