import { beforeAll, describe, expect, it } from "vitest";
import { BRIEF, Program, serve, startPrograms } from "../fixtures/programs.ts";

/** Writes of several programs at once that must not lose one another, and writes that are refused. */
describe("a shared dict under competition", { timeout: 30_000 }, () => {
  let one: Program;
  let three: Program;
  let programs: Program[];
  beforeAll(async () => {
    programs = await startPrograms(3);
    [one, , three] = programs as [Program, Program, Program];
  });

  it("increment() from all programs at once loses nothing", async () => {
    await using room = await serve(programs);
    const results = await Promise.all(
      programs.map((program) =>
        program.run(async ({ client }) => {
          const counts: number[] = [];
          const all = Array.from({ length: 200 }, async () =>
            counts.push(await client.globals.dict.increment("n", 1)),
          );
          await Promise.all(all);
          return counts;
        }),
      ),
    );
    for (let n = 0; n < 50; n++) await room.server.dict.increment("n", 10);
    expect(room.server.vars.n).toBe(600 + 500);
    expect(new Set(results.flat()).size).toBe(600);
  });

  it("increment() adds what it is told, starts at 0, and gives the new number", async () => {
    await using room = await serve([one]);
    expect(
      await one.run(async ({ client }) => {
        const { dict } = client.globals;
        return [await dict.increment("x"), await dict.increment("x", 5), await dict.increment("x", -0.5)];
      }),
    ).toEqual([1, 6, 5.5]);
    expect(room.server.vars.x).toBe(5.5);
    room.server.vars.text = "word";
    await expect(one.run(({ client }) => client.globals.dict.increment("text", 1))).rejects.toMatchObject({
      name: "StoreError",
      code: "CNR_ERR_NOT_A_NUMBER",
    });
    expect(await one.run(({ client }) => client.globals.vars.text)).toBe("word");
  });

  it("modify() from all programs at once loses nothing", async () => {
    await using room = await serve(programs);
    await Promise.all(
      programs.map((program, n) =>
        program.run(async ({ client }, who) => {
          for (let k = 0; k < 30; k++) {
            await client.globals.dict.modify("list", (list = []) => [...list, `${who}-${k}`]);
          }
        }, `p${n}`),
      ),
    );
    const list: string[] = room.server.vars.list;
    expect(list.length).toBe(90);
    expect(new Set(list).size).toBe(90);
    for (const who of ["p0", "p1", "p2"]) {
      expect(list.filter((item) => item.startsWith(who))).toEqual(
        Array.from({ length: 30 }, (_, k) => `${who}-${k}`),
      );
    }
  });

  it("modify() gives the new value; undefined deletes; what its function throws is what it rejects with", async () => {
    await using room = await serve([one]);
    expect(
      await one.run(async ({ client }) => {
        const { dict } = client.globals;
        const made = await dict.modify("m", (value) => (value ?? 1) + 1);
        const thrown = await dict
          .modify("m", () => {
            throw new TypeError("mine");
          })
          .catch((error) => `${error.name} ${error.message}`);
        const kept = dict.get("m");
        await dict.modify("m", () => undefined);
        return [made, thrown, kept, dict.has("m")];
      }),
    ).toEqual([2, "TypeError mine", 2, false]);
    expect(room.server.dict.has("m")).toBe(false);
  });

  it("compareAndSet() lets one of several win; the others are refused", async () => {
    await using room = await serve(programs);
    room.server.vars.leader = { name: "none" };
    const outcomes = await Promise.all(
      programs.map((program, n) =>
        program.run(async ({ client }, who) => {
          await client.globals.dict.waitFor("leader");
          return client.globals.dict.compareAndSet("leader", { name: "none" }, { name: who }).then(
            (won) => (won === true ? who : won),
            (error) => `${error.name} ${error.code}`,
          );
        }, `p${n}`),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "StoreError CNR_ERR_CONFLICT").length).toBe(2);
    const winner = outcomes.find((outcome) => String(outcome).startsWith("p"));
    expect(room.server.vars.leader).toEqual({ name: winner });
    for (const program of programs) {
      expect(
        await program.run(({ client }) =>
          client.globals.dict.waitFor("leader", ({ name }) => name !== "none"),
        ),
      ).toEqual({ name: winner });
    }
  });

  it("compareAndSet() takes undefined for a key that is not there, on both sides", async () => {
    await using room = await serve([one]);
    expect(
      await one.run(async ({ client }) => {
        const { dict } = client.globals;
        const made = await dict.compareAndSet("lock", undefined, "me");
        const refused = await dict.compareAndSet("lock", undefined, "you").catch((error) => error.code);
        const seen = dict.get("lock");
        await dict.compareAndSet("lock", "me", undefined);
        return [made, refused, seen, dict.has("lock")];
      }),
    ).toEqual([true, "CNR_ERR_CONFLICT", "me", false]);
    expect(room.server.dict.has("lock")).toBe(false);
  });

  it("a refused write is taken back where it was shown", async () => {
    await using room = await serve([one]);
    room.server.vars.price = 1;
    expect(
      await one.run(async ({ client }) => {
        const { dict } = client.globals;
        await dict.waitFor("price");
        const refused = await dict.compareAndSet("price", 99, 2).catch((error) => error.code);
        return [refused, dict.get("price"), dict.pending];
      }),
    ).toEqual(["CNR_ERR_CONFLICT", 1, 0]);
  });

  it("mutate() of different paths by several programs: all survive", async () => {
    await using room = await serve(programs);
    room.server.vars.tree = { p0: { n: 0 }, p1: { n: 0 }, p2: { n: 0 }, list: ["x"] };
    await Promise.all(
      programs.map((program, n) =>
        program.run(async ({ client }, who) => {
          await client.globals.dict.waitFor("tree");
          for (let k = 0; k < 20; k++) {
            await client.globals.dict.mutate("tree", (tree) => {
              tree[who].n++;
            });
          }
          await client.globals.dict.mutate("tree", (tree) => {
            tree.list.push(who);
          });
        }, `p${n}`),
      ),
    );
    const { list, ...rest } = room.server.vars.tree;
    expect(rest).toEqual({ p0: { n: 20 }, p1: { n: 20 }, p2: { n: 20 } });
    expect([...list].sort()).toEqual(["p0", "p1", "p2", "x"]);
  });

  it("mutate() of a large value sends what has changed, not all of it", async () => {
    await using room = await serve([one]);
    room.server.vars.big = { blob: "x".repeat(4 << 20), n: 0 };
    const { value, seen } = await one.run(async ({ client }) => {
      const { dict } = client.globals;
      await dict.waitFor("big");
      const value = await dict.mutate("big", (big) => {
        big.n = 1;
      });
      return { value: value.n, seen: client.globals.vars.big.n };
    });
    expect([value, seen, room.server.vars.big.n, room.server.vars.big.blob.length]).toEqual([
      1,
      1,
      1,
      4 << 20,
    ]);
  });

  it("setDefault() of several at once: the first in the server's order wins everywhere", async () => {
    await using room = await serve(programs);
    await Promise.all(
      programs.map((program, n) =>
        program.run(({ client }, who) => {
          client.globals.dict.setDefault("first", who);
          return client.globals.dict.synced();
        }, `p${n}`),
      ),
    );
    const winner = room.server.vars.first;
    for (const program of programs) {
      await expect.poll(() => program.run(({ client }) => client.globals.vars.first)).toBe(winner);
    }
  });

  it("a killed program leaves its finished writes and nothing half of the others", async () => {
    await using room = await serve([one], BRIEF);
    const victim = new Program();
    await room.add(victim);
    const running = victim
      .run(async ({ client }) => {
        for (let n = 1; ; n++) {
          client.globals.dict.update({ a: n, b: n });
          await client.globals.dict.modify("c", (value = 0) => value + 1);
        }
      })
      .catch(() => undefined);
    await room.server.dict.waitFor("c", (value) => value >= 20);
    await victim.kill();
    await running;
    await expect.poll(() => room.server.clients.length).toBe(1);
    expect(room.server.vars.a).toBe(room.server.vars.b);
    expect(await one.run(({ client }) => client.globals.dict.increment("c", 0))).toBe(room.server.vars.c);
  });

  it("a replica whose server is gone still reads, is stale, and refuses writes", async () => {
    await using room = await serve([three]);
    room.server.vars.last = "seen";
    await three.run(({ client }) => client.globals.dict.waitFor("last"));
    expect(await three.run(({ client }) => client.globals.dict.stale)).toBe(false);
    await room.server.close();
    await expect.poll(() => three.run(({ client }) => client.isClosed)).toBe(true);
    expect(
      await three.run(async ({ client }) => {
        const { dict, vars } = client.globals;
        const thrown: unknown[] = [];
        try {
          vars.last = "lost";
        } catch (error) {
          thrown.push((error as Error).name);
        }
        const refused = await dict.increment("n").catch((error) => error.name);
        return [vars.last, dict.stale, ...thrown, refused, { ...vars }];
      }),
    ).toEqual(["seen", true, "ConnectionError", "ConnectionError", { last: "seen" }]);
  });

  it("a replica that is connected again has what the server has, and is no longer stale", async () => {
    await using room = await serve([one]);
    room.server.vars.a = 1;
    room.server.vars.gone = 1;
    const changes = await one.run(async ({ client, kept }) => {
      await client.globals.dict.waitFor("gone");
      await client.close();
      kept.changed = [];
      client.globals.dict.on("change", (event) => {
        for (const { key, value } of event.changes) kept.changed.push([key, value]);
      });
      return client.globals.vars.a;
    });
    expect(changes).toBe(1);
    room.server.vars.a = 2;
    delete room.server.vars.gone;
    room.server.vars.same = undefined;
    const after = await one.run(async ({ client, kept }, url) => {
      await client.connect(url);
      return { vars: { ...client.globals.vars }, stale: client.globals.dict.stale, changed: kept.changed };
    }, room.server.url ?? "");
    expect(after.vars).toEqual({ ...room.server.vars });
    expect(after.stale).toBe(false);
    expect(after.changed).toEqual(
      expect.arrayContaining([
        ["a", 2],
        ["gone", undefined],
      ]),
    );
  });
});
