import { describe, expect, it } from "vitest";
import { fixture, Script } from "../fixtures/programs.ts";

function example(name: string, ...args: string[]): Script {
  return new Script(fixture(`../../examples/${name}`), args);
}

async function startedServer(name: string): Promise<{ server: Script; port: string }> {
  const server = example(name, "0");
  const [, port = ""] = await server.line(/127\.0\.0\.1:(\d+)/);
  return { server, port };
}

const CLEAN = { code: 0, signal: null };

describe("examples/chat", { timeout: 30_000 }, () => {
  async function person(name: string, port: string): Promise<Script> {
    const client = example("chat/client.mjs", name, port);
    await client.line(new RegExp(`you are ${name}`));
    return client;
  }

  it("tells everyone what each says, who comes and who goes; exit and Ctrl-C are clean", async () => {
    const { server, port } = await startedServer("chat/server.mjs");
    const alice = await person("Alice", port);
    await server.line(/Alice is in/);
    const bob = await person("Bob", port);
    await alice.line(/Bob is in/);
    const carol = await person("Carol", port);
    await Promise.all([alice.line(/Carol is in/), bob.line(/Carol is in/)]);

    alice.type("hello, all\n");
    await Promise.all([bob.line(/^Alice: hello, all$/), carol.line(/^Alice: hello, all$/)]);
    bob.type("hello, Alice\n");
    carol.type("hello, both\n");
    await Promise.all([alice.line(/^Bob: hello, Alice$/), alice.line(/^Carol: hello, both$/)]);
    expect(alice.lines.some((line) => line.includes("Alice: hello"))).toBe(false);

    bob.type("exit\n");
    expect(await bob.exit).toEqual(CLEAN);
    await Promise.all([alice.line(/Bob is out/), carol.line(/Bob is out/), server.line(/Bob is out/)]);
    expect(await carol.kill("SIGINT")).toEqual(CLEAN);
    await alice.line(/Carol is out/);

    expect(await server.kill("SIGINT")).toEqual(CLEAN);
    expect(server.lines.at(-1)).toBe("closed");
    await alice.line(/the room is closed/);
    expect(await alice.exit).toEqual(CLEAN);
    expect([server, alice, bob, carol].map((script) => script.errors)).toEqual(["", "", "", ""]);
  });

  it("tells of someone whose process was killed, and of someone whose input has ended", async () => {
    const { server, port } = await startedServer("chat/server.mjs");
    const alice = await person("Alice", port);
    const bob = await person("Bob", port);
    const carol = await person("Carol", port);
    await alice.line(/Carol is in/);
    await bob.kill();
    await alice.line(/Bob is out/);
    carol.child.stdin?.end();
    expect(await carol.exit).toEqual(CLEAN);
    await alice.line(/Carol is out/);
    expect(await server.kill("SIGTERM")).toEqual(CLEAN);
    expect(await alice.exit).toEqual(CLEAN);
    expect(server.errors + alice.errors).toBe("");
  });
});

describe("examples/integral", { timeout: 60_000 }, () => {
  function total(script: Script): number {
    return script.lines
      .map((line) => Number(/^worker-\d: computed (\d+) of 1000 values$/.exec(line)?.[1] ?? 0))
      .reduce((sum, count) => sum + count, 0);
  }

  it("is computed by workers that come after the server, and end by themselves with it", async () => {
    const { server, port } = await startedServer("integral/integral.mjs");
    const workers = ["worker-1", "worker-2", "worker-3"].map((name) =>
      example("integral/worker.mjs", name, port),
    );
    const [, result] = await server.line(/the integral of sin from 0 to pi is ([\d.]+)/);
    expect(Number(result)).toBeCloseTo(2, 3);
    expect(await server.exit).toEqual(CLEAN);
    for (const worker of workers) {
      expect(await worker.exit).toEqual(CLEAN);
      expect(worker.lines.at(-1)).toMatch(/the server has closed after \d+ values/);
    }
    expect(total(server)).toBe(1000);
    expect([server, ...workers].map((script) => script.errors).join("")).toBe("");
  });

  it("quickstart runs all of it, says who did what, and 2.000", async () => {
    const quickstart = example("integral/quickstart.mjs");
    expect(await quickstart.exit).toEqual(CLEAN);
    const [, result] = await quickstart.line(/the integral of sin from 0 to pi is ([\d.]+)/);
    expect(result).toBe("2.000");
    expect(total(quickstart)).toBe(1000);
    for (const n of [1, 2, 3, 4])
      await quickstart.line(new RegExp(`worker-${n}: the server has closed after`));
    expect(quickstart.errors).toBe("");
  });
});

describe("examples/threads", { timeout: 30_000 }, () => {
  it("counts primes in all its threads, and ends by itself", async () => {
    const program = example("threads/main.mjs");
    expect(await program.exit).toEqual(CLEAN);
    expect(program.lines.at(-1)).toBe("there are 25997 primes below 300000");
    const shares = program.lines.flatMap((line) => /^worker-[123]: (\d+) tasks$/.exec(line)?.[1] ?? []);
    expect(shares).toHaveLength(3);
    expect(shares.reduce((sum, tasks) => sum + Number(tasks), 0)).toBe(30);
    expect(program.errors).toBe("");
  });
});
