import { describe, expect, it } from "vitest";
import { serve, twoPrograms, type World } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

describe("queues", { timeout: 30_000 }, () => {
  it("local ones are shared by a client and its peer (the original's first example)", async () => {
    await using room = await serve(programs);
    await one.run(async ({ client }) => {
      await client.put("Send me a file: test.jpg");
      await client.queues.other_queue.put("Call me in 5 minutes.");
    });
    const peer = room.server.clients[0];
    expect(await peer?.get()).toBe("Send me a file: test.jpg");
    await peer?.put("No such file!");
    expect(await peer?.queues.other_queue.get()).toBe("Call me in 5 minutes.");
    await peer?.queues.other_queue.put("OK");
    expect(
      await one.run(async ({ client }) => [await client.get(), await client.queues.other_queue.get()]),
    ).toEqual(["No such file!", "OK"]);
    expect(await two.run(({ client }) => client.tryGet())).toBeUndefined();
  });

  it("global ones are shared by all (the original's second example)", async () => {
    await using room = await serve(programs);
    await one.run(async ({ client }) => {
      await client.globals.put({ type: "request" });
      await client.globals.queues.news.put({ title: "Super man died", body: "..." });
    });
    expect(
      await two.run(async ({ client }) => {
        const got = await client.globals.get();
        await client.globals.put({ type: "respond" });
        await client.globals.queues.news.put([0, 1, 2]);
        return got;
      }),
    ).toEqual({ type: "request" });
    expect(await room.server.get()).toEqual({ type: "respond" });
    expect(await room.server.queues.news.get()).toEqual({ title: "Super man died", body: "..." });
    expect(await room.server.queues.news.get()).toEqual([0, 1, 2]);
  });

  it("a local get can receive what the same side put, on both sides", async () => {
    await using room = await serve([one]);
    expect(
      await one.run(async ({ client }) => {
        await client.put("to myself");
        return client.get();
      }),
    ).toBe("to myself");
    await room.peer(0).put("to myself too");
    expect(await room.peer(0).get()).toBe("to myself too");
  });

  it("give each item to one getter, in the order of the puts", async () => {
    await using _room = await serve(programs);
    await one.run(async ({ client }) => {
      for (let n = 0; n < 300; n++) void client.globals.queues.tasks.put(n);
      await client.globals.queues.tasks.put(300);
    });
    const drain = async ({ client }: World) => {
      const got: number[] = [];
      for (;;) {
        const item = await client.globals.queues.tasks.tryGet();
        if (item === undefined) return got;
        got.push(item);
      }
    };
    const shares = await Promise.all(programs.map((program) => program.run(drain)));
    const all = shares.flat();
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 301 }, (_, n) => n));
    for (const share of shares) expect(share).toEqual([...share].sort((a, b) => a - b));
  });

  it("serve waiting getters in the order of asking, over processes", async () => {
    await using room = await serve(programs);
    const { server } = room;
    const got: string[] = [];
    const ask = async (who: string, get: Promise<unknown>): Promise<void> => {
      got.push(`${who} ${await get}`);
    };
    const asks: Promise<void>[] = [];
    for (let round = 0; round < 3; round++) {
      for (const [n, program] of programs.entries()) {
        asks.push(
          ask(
            `p${n}.${round}`,
            program.run(({ client }) => client.globals.queues.line.get()),
          ),
        );
        // A call behind the get on the same link: when it has answered, the server knows of the get.
        await program.run(({ client }) => client.globals.queues.line.size());
      }
      asks.push(ask(`server.${round}`, server.queues.line.get()));
    }
    for (let n = 0; n < 9; n++) await server.queues.line.put(n);
    await Promise.all(asks);
    expect(got.sort((a, b) => Number(a.split(" ")[1]) - Number(b.split(" ")[1]))).toEqual(
      [0, 1, 2].flatMap((round) => [
        `p0.${round} ${round * 3}`,
        `p1.${round} ${round * 3 + 1}`,
        `server.${round} ${round * 3 + 2}`,
      ]),
    );
  });

  it("get() with timeoutMs 0 tries once; tryGet() gives undefined; both take what is there", async () => {
    await using room = await serve([one]);
    const tries = ({ client }: World) =>
      Promise.all(
        [client, client.globals, client.queues.named, client.globals.queues.named].map(async (queue) => [
          await queue
            .get({ timeoutMs: 0 })
            .catch((error: Error & { code: string }) => `${error.name} ${error.code}`),
          await queue.tryGet(),
        ]),
      );
    expect(await one.run(tries)).toEqual(Array(4).fill(["TimeoutError CNR_ERR_TIMEOUT", undefined]));
    await expect(room.server.get({ timeoutMs: 0 })).rejects.toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    expect(await room.server.tryGet()).toBeUndefined();
    expect(
      await one.run(async ({ client }) => {
        await client.globals.put(1);
        await client.globals.put(2);
        return [
          await client.globals.get({ timeoutMs: 0 }),
          await client.globals.tryGet(),
          await client.globals.tryGet(),
        ];
      }),
    ).toEqual([1, 2, undefined]);
  });

  it("get() that gives up by time or signal swallows nothing", async () => {
    await using room = await serve(programs);
    const outcomes = await one.run(async ({ client }) => {
      const { tasks } = client.globals.queues;
      const abort = new AbortController();
      const aborted = tasks.get({ signal: abort.signal }).catch((error: Error) => error.message);
      const late = await tasks.get({ timeoutMs: 5 }).catch((error: Error) => error.name);
      abort.abort(new Error("mine"));
      return [late, await aborted];
    });
    expect(outcomes).toEqual(["TimeoutError", "mine"]);
    await room.server.queues.tasks.put("kept");
    expect(await two.run(({ client }) => client.globals.queues.tasks.get())).toBe("kept");
  });

  it("getters that time out while items come swallow none and get none twice", async () => {
    await using room = await serve(programs);
    const getting = Promise.all(
      programs.map((program) =>
        program.run(async ({ client }) => {
          const got: number[] = [];
          for (let misses = 0; misses < 30; ) {
            const item = await client.globals.queues.tasks
              .get({ timeoutMs: misses % 4 })
              .catch(() => undefined);
            if (item === undefined) misses++;
            else got.push(item);
          }
          return got;
        }),
      ),
    );
    for (let n = 0; n < 200; n++) {
      await room.server.queues.tasks.put(n);
      if (n % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const got = (await getting).flat();
    for (let item = await room.server.queues.tasks.tryGet(); item !== undefined; ) {
      got.push(item);
      item = await room.server.queues.tasks.tryGet();
    }
    expect(got.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it("a full queue makes put() wait and tryPut() say no, wherever they are", async () => {
    await using room = await serve(programs, { limits: { maxQueueItems: 5 } });
    const { tasks } = room.server.queues;
    for (let n = 0; n < 5; n++) expect(await tasks.tryPut(n)).toBe(true);
    expect(await tasks.tryPut("no room")).toBe(false);
    expect(
      await one.run(async ({ client }) => {
        const { tasks } = client.globals.queues;
        return [
          await tasks.tryPut("no room"),
          await tasks.put("no room", { timeoutMs: 0 }).catch((error: Error) => error.name),
          await tasks.put("no room", { timeoutMs: 10 }).catch((error: Error) => error.name),
        ];
      }),
    ).toEqual([false, "TimeoutError", "TimeoutError"]);
    const waiting = two.run(({ client }) => client.globals.queues.tasks.put("waited").then(() => "put"));
    await one.run(({ client }) => client.globals.queues.tasks.size());
    expect(await tasks.get()).toBe(0);
    expect(await waiting).toBe("put");
    const left: unknown[] = [];
    for (let n = 0; n < 5; n++) left.push(await one.run(({ client }) => client.globals.queues.tasks.get()));
    expect(left).toEqual([1, 2, 3, 4, "waited"]);
    expect(await tasks.size()).toBe(0);
  });

  it("waiting puts are let in by order of asking, and none is lost", async () => {
    await using room = await serve(programs, { limits: { maxQueueItems: 3 } });
    const putting = Promise.all(
      programs.map((program, n) =>
        program.run(async ({ client }, who) => {
          for (let k = 0; k < 50; k++) await client.globals.queues.tasks.put(`${who} ${k}`);
        }, `p${n}`),
      ),
    );
    const got: string[] = [];
    while (got.length < 100) got.push(await room.server.queues.tasks.get());
    await putting;
    for (const n of [0, 1]) {
      expect(got.filter((item) => item.startsWith(`p${n}`))).toEqual(
        Array.from({ length: 50 }, (_, k) => `p${n} ${k}`),
      );
    }
  });

  it("local queues are bounded too", async () => {
    await using room = await serve([one], { limits: { maxQueueItems: 2 } });
    expect(
      await one.run(async ({ client }) => [
        await client.tryPut(1),
        await client.tryPut(2),
        await client.tryPut(3),
      ]),
    ).toEqual([true, true, false]);
    expect(await room.peer(0).tryPut(4)).toBe(false);
    expect(await room.peer(0).get()).toBe(1);
  });

  it("put() takes an id that is stored once, a delay, and a priority", async () => {
    await using room = await serve([one]);
    expect(
      await one.run(async ({ client }) => {
        const { tasks, later } = client.globals.queues;
        await tasks.put("once", { id: "a" });
        await tasks.put("twice", { id: "a" });
        await tasks.put("low", { priority: -1 });
        await tasks.put("normal");
        await tasks.put("high", { priority: 5 });
        await later.put("delayed", { delayMs: 60 });
        const early = await later.tryGet();
        return { size: await tasks.size(), early, laterSize: await later.size(), delayed: await later.get() };
      }),
    ).toEqual({ size: 4, early: undefined, laterSize: 1, delayed: "delayed" });
    const order: unknown[] = [];
    for (let n = 0; n < 4; n++) order.push(await room.server.queues.tasks.get());
    expect(order).toEqual(["high", "once", "normal", "low"]);
  });

  it("size() and clear() tell and drop what waits", async () => {
    await using room = await serve(programs);
    const { tasks } = room.server.queues;
    for (let n = 0; n < 7; n++) await tasks.put(n);
    expect(await one.run(({ client }) => client.globals.queues.tasks.size())).toBe(7);
    expect(await one.run(({ client }) => client.globals.queues.tasks.clear())).toBe(7);
    expect([await tasks.size(), await tasks.tryGet(), await tasks.clear()]).toEqual([0, undefined, 0]);
    await tasks.put("after");
    expect(await two.run(({ client }) => client.globals.queues.tasks.get())).toBe("after");
  });

  it("close() lets getters drain, then get() rejects and loops end; puts reject at once", async () => {
    await using room = await serve(programs);
    const { tasks } = room.server.queues;
    await tasks.put("left 1");
    await tasks.put("left 2");
    await one.run(({ client }) => client.globals.queues.tasks.close());
    await expect(tasks.put("late")).rejects.toMatchObject({
      name: "QueueError",
      code: "CNR_ERR_QUEUE_CLOSED",
    });
    await expect(two.run(({ client }) => client.globals.queues.tasks.put("late"))).rejects.toMatchObject({
      code: "CNR_ERR_QUEUE_CLOSED",
    });
    expect(
      await two.run(async ({ client }) => {
        const got: unknown[] = [];
        for await (const item of client.globals.queues.tasks) got.push(item);
        return got;
      }),
    ).toEqual(["left 1", "left 2"]);
    await expect(tasks.get()).rejects.toMatchObject({
      code: "CNR_ERR_QUEUE_CLOSED",
      message: expect.stringContaining("tasks"),
    });
    await expect(one.run(({ client }) => client.globals.queues.tasks.get())).rejects.toMatchObject({
      name: "QueueError",
      code: "CNR_ERR_QUEUE_CLOSED",
    });
    await tasks.close();
    await room.server.queues.others.put("untouched");
    expect(await room.server.queues.others.get()).toBe("untouched");
  });

  it("close() ends those who wait already: gets, loops and puts", async () => {
    await using room = await serve(programs, { limits: { maxQueueItems: 1 } });
    await room.server.queues.full.put(1);
    const waits = one.run(async ({ client }) => {
      const { empty, full } = client.globals.queues;
      const loop = async () => {
        for await (const _ of empty);
        return "loop ended";
      };
      const tell = (error: Error & { code: string }) => error.code;
      return Promise.all([empty.get().catch(tell), loop(), full.put(2).catch(tell)]);
    });
    await one.run(({ client }) => client.globals.queues.empty.size());
    await two.run(async ({ client }) => {
      await client.globals.queues.empty.close();
      await client.globals.queues.full.close();
    });
    expect(await waits).toEqual(["CNR_ERR_QUEUE_CLOSED", "loop ended", "CNR_ERR_QUEUE_CLOSED"]);
    expect(await room.server.queues.full.get()).toBe(1);
  });

  it("the original's worker loop ends when the server closes", async () => {
    const room = await serve(programs);
    const working = Promise.all(
      programs.map((program) =>
        program.run(async ({ client }) => {
          let done = 0;
          while (true) {
            try {
              const x = await client.globals.queues.task.get();
              await client.globals.queues.result.put(x * x);
              done++;
            } catch (error) {
              return { done, code: (error as { code: string }).code };
            }
          }
        }),
      ),
    );
    for (let n = 0; n < 50; n++) void room.server.queues.task.put(n);
    let sum = 0;
    for (let n = 0; n < 50; n++) sum += await room.server.queues.result.get();
    await room.server.close();
    const workers = await working;
    expect(sum).toBe(Array.from({ length: 50 }, (_, n) => n * n).reduce((a, b) => a + b));
    expect(workers.map(({ code }) => code)).toEqual(["CNR_ERR_QUEUE_CLOSED", "CNR_ERR_QUEUE_CLOSED"]);
    expect(workers.reduce((all, { done }) => all + done, 0)).toBe(50);
  });

  it("are made on first use, can be listed, asked for and deleted", async () => {
    await using room = await serve([one]);
    const { queues } = room.server;
    expect("tasks" in queues).toBe(false);
    await queues.tasks.put(1);
    await queues.news.put(2);
    expect(["tasks" in queues, Object.keys(queues).sort()]).toEqual([true, ["news", "tasks"]]);
    expect([...queues].map(([name, queue]) => [name, queue.name]).sort()).toEqual([
      ["news", "news"],
      ["tasks", "tasks"],
    ]);
    expect(queues.tasks).toBe(queues.tasks);
    expect(delete queues.tasks).toBe(true);
    expect("tasks" in queues).toBe(false);
    // Forgotten here, not emptied: others may use it.
    expect(await one.run(({ client }) => client.globals.queues.tasks.tryGet())).toBe(1);
    for (const name of ["__proto__", "constructor", "get", "", "ключ"]) {
      await queues[name]?.put(name);
      expect(await one.run(({ client }, name) => client.globals.queues[name]?.get(), name)).toBe(name);
    }
    expect(await queues).toBe(queues);
  });

  it("what is changed after put() arrives as it was, and what is got is the getter's own", async () => {
    await using room = await serve([one]);
    const value = { list: [1] };
    const put = room.server.queues.tasks.put(value);
    value.list.push(2);
    await put;
    const got = await room.server.queues.tasks.get();
    expect(got).toEqual({ list: [1] });
    got.list.push(3);
    expect(value.list).toEqual([1, 2]);
  });
});
