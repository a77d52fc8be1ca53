import { describe, expect, it } from "vitest";
import { byValue } from "../../src/index.ts";
import { serve, twoPrograms } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

/** Functions that travel as their code: `call(fn)`, and functions in dicts, pipes and queues. */
describe("functions by value", { timeout: 30_000 }, () => {
  it("call() runs a function of this program in the other", async () => {
    await using room = await serve([one]);
    const peer = room.peer(0);
    expect(await peer.call(() => process.pid)).toBe(one.pid);
    expect(await peer.call((a: number, b: number) => a + b, [1, 2])).toBe(3);
    expect(await peer.call(async (x: string) => `${x}!`, ["hi"])).toBe("hi!");
    expect(
      await peer.call(
        function named(n: number): number {
          return n < 2 ? 1 : n * named(n - 1);
        },
        [10],
      ),
    ).toBe(3_628_800);
    expect(await one.run(({ client }) => client.call(() => process.pid))).toBe(process.pid);
  });

  it("call() takes any kind of function: methods, generators, defaults, destructuring, inner functions", async () => {
    await using _room = await serve([one]);
    expect(
      await one.run(async ({ client }) => {
        const holder = {
          method(x: number) {
            return x + 1;
          },
          async asyncMethod(x: number) {
            return x + 2;
          },
        };
        const stream: number[] = [];
        for await (const n of client.call(
          async function* (to: number) {
            for (let n = 0; n < to; n++) yield n;
          },
          [3],
        )) {
          stream.push(n);
        }
        return [
          await client.call(holder.method, [1]),
          await client.call(holder.asyncMethod, [1]),
          await client.call(
            ({ a, b = 2 }: { a: number; b?: number }, ...rest: number[]) => [a, b, ...rest],
            [{ a: 1 }, 3, 4],
          ),
          await client.call(
            (list: number[]) => {
              const double = (n: number) => n * 2;
              return list.map(double).map((n) => Math.sqrt(n));
            },
            [[2, 8]],
          ),
          stream,
        ];
      }),
    ).toEqual([2, 3, [1, 2, 3, 4], [2, 4], [0, 1, 2]]);
  });

  it("call() sends console.log and other built-ins by their name", async () => {
    await using room = await serve([one]);
    expect(await room.peer(0).call(Math.max, [3, 9, 4])).toBe(9);
    expect(await room.peer(0).call(JSON.stringify, [{ a: 1 }])).toBe('{"a":1}');
    await room.peer(0).call(console.log, ["printed over there"]);
    await one.line(/^printed over there$/);
  });

  it("what captures something is refused at once, naming each captured variable, before anything is sent", async () => {
    await using room = await serve([one]);
    let called = 0;
    room.server.expose({ count: () => ++called });
    const seen = await one.run(async ({ client }) => {
      const factor = 3;
      const table = { offset: 4 };
      const refused = await client
        .call((x: number) => x * factor + table.offset, [1])
        .then(
          () => ({ name: "", code: "", message: "accepted" }),
          (error) => ({ name: error.name, code: error.code, message: error.message }),
        );
      const asValue = [];
      for (const attempt of [
        () => client.globals.dict.set("f", (x: number) => x * factor),
        () => client.send({ f: () => table }),
        () => client.globals.put([() => factor]),
      ]) {
        try {
          await attempt();
          asValue.push("accepted");
        } catch (error) {
          asValue.push((error as { code: string }).code);
        }
      }
      return { refused, asValue, has: client.globals.dict.has("f") };
    });
    expect(seen.refused).toMatchObject({ name: "CodecError", code: "CNR_ERR_CAPTURES" });
    expect(seen.refused.message).toContain("factor");
    expect(seen.refused.message).toContain("table");
    expect(seen.asValue).toEqual(Array(3).fill("CNR_ERR_CAPTURES"));
    expect(seen.has).toBe(false);
    expect(called).toBe(0);
  });

  it("names that are only declared inside, or are properties, are no captures", async () => {
    await using _room = await serve([one]);
    expect(
      await one.run(({ client }) => {
        const name = "outside";
        return client
          .call(
            (input: { name: string }) => {
              const { name } = input;
              const holder = { input: 1, name };
              return `${holder.name} ${holder.input} ${[1].map((name) => name + 1)}`;
            },
            [{ name: "inside" }],
          )
          .then((given) => [given, name]);
      }),
    ).toEqual(["inside 1 2", "outside"]);
  });

  it('in dicts: whoever reads one can call it (the original\'s `server["func"] = func`)', async () => {
    await using room = await serve(programs);
    room.server.vars.func = (x: number) => Math.sin(x) ** 2 + Math.cos(x) ** 2;
    for (const program of programs) {
      expect(
        await program.run(async ({ client }) => {
          const func = await client.globals.dict.waitFor("func");
          return Math.round(func(0.3) * 1e9) / 1e9;
        }),
      ).toBe(1);
    }
    await one.run(async ({ client }) => {
      client.globals.vars.tools = { add: (a: number, b: number) => a + b, list: [(x: number) => -x] };
      client.vars.local = () => "local";
      await Promise.all([client.globals.dict.synced(), client.dict.synced()]);
    });
    expect([
      room.server.vars.tools.add(1, 2),
      room.server.vars.tools.list[0](5),
      room.peer(0).vars.local(),
    ]).toEqual([3, -5, "local"]);
  });

  it("in dicts outlive their sender", async () => {
    await using room = await serve(programs);
    await one.run(async ({ client }) => {
      client.globals.vars.f = (x: number) => x + 1;
      await client.globals.dict.synced();
      await client.close();
    });
    await expect.poll(() => room.server.clients.length).toBe(1);
    expect(await two.run(async ({ client }) => (await client.globals.dict.waitFor("f"))(41))).toBe(42);
  });

  it("in pipes and queues arrive as functions of the receiver's own", async () => {
    await using room = await serve(programs);
    await one.run(async ({ client }) => {
      await client.send({ run: (x: number) => x * 2 });
      await client.globals.queues.jobs.put([(x: number) => x * 3, 7]);
      await client.put((x: number) => x * 4);
    });
    expect((await room.peer(0).recv()).run(21)).toBe(42);
    expect(
      await two.run(async ({ client }) => {
        const [job, x] = await client.globals.queues.jobs.get();
        return job(x);
      }),
    ).toBe(21);
    expect((await room.peer(0).get())(3)).toBe(12);
  });

  it("run nothing when they are read: only when they are called", async () => {
    await using room = await serve(programs, { allow: { code: false } });
    await one.run(({ client }) => client.send(() => "ran"));
    const received = await room.peer(0).recv();
    expect(received).toBeTypeOf("function");
    await expect((async () => received())()).rejects.toMatchObject({
      name: "PermissionError",
      code: "CNR_ERR_NOT_ALLOWED",
    });
  });

  it("byValue() makes an argument travel as its code", async () => {
    await using room = await serve([one]);
    await one.run(({ client }) => client.expose({ runs: (f: () => number) => f() }));
    expect(await room.peer(0).remote.runs(byValue(() => process.pid))).toBe(one.pid);
    expect(await room.peer(0).remote.runs(() => process.pid)).toBe(process.pid);
  });
});
