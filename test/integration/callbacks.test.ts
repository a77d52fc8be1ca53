import { beforeAll, describe, expect, it } from "vitest";
import { type Peer, Server } from "../../src/index.ts";
import { BRIEF, Program, startPrograms } from "../fixtures/programs.ts";

describe("connect and disconnect callbacks", { timeout: 30_000 }, () => {
  let programs: Program[];
  beforeAll(async () => {
    programs = await startPrograms(3);
  });

  async function listening(options = {}): Promise<Server> {
    const server = new Server({ host: "127.0.0.1", ...options });
    await server.listen();
    return server;
  }

  it("run at once for any number of clients, each as long as it likes", async () => {
    await using server = await listening();
    const running = new Set<string>();
    const ended: string[] = [];
    server.setConnectCallback(async (peer) => {
      running.add(peer.name);
      for await (const text of peer.pipes.chat) await peer.send(`${peer.name} said ${text}`);
      ended.push(peer.name);
    });
    await Promise.all(programs.map((program, n) => program.connect(server.url, { name: `c${n}` })));
    const answers = await Promise.all(
      programs.map((program) =>
        program.run(async ({ client }) => {
          await client.pipes.chat.send("hi");
          return client.recv();
        }),
      ),
    );
    expect(answers).toEqual(["c0 said hi", "c1 said hi", "c2 said hi"]);
    expect(running.size).toBe(3);
    expect(ended).toEqual([]);
    await Promise.all(programs.map((program) => program.run(({ client }) => client.close())));
    await expect.poll(() => [...ended].sort()).toEqual(["c0", "c1", "c2"]);
  });

  it("are one each: a second replaces the first; on() is for many", async () => {
    await using server = await listening();
    const heard: string[] = [];
    server.setConnectCallback(() => heard.push("replaced"));
    server.setConnectCallback(() => heard.push("callback"));
    const one = server.on("connect", (peer) => heard.push(`one ${peer.name}`));
    server.on("connect", (peer) => heard.push(`two ${peer.name}`));
    await programs[0]?.connect(server.url, { name: "x" });
    await expect.poll(() => [...heard].sort()).toEqual(["callback", "one x", "two x"]);
    one[Symbol.dispose]();
    heard.length = 0;
    await programs[1]?.connect(server.url, { name: "y" });
    await expect.poll(() => [...heard].sort()).toEqual(["callback", "two y"]);
  });

  it("tell of a leaving client once, with its address, its peer and the reason", async () => {
    await using server = await listening();
    const heard: [string, Peer, string][] = [];
    const alsoHeard: string[] = [];
    server.setDisconnectCallback((address, peer, reason) => heard.push([`${address}`, peer, reason.code]));
    server.on("disconnect", (address) => alsoHeard.push(`${address}`));
    const { address } = (await programs[0]?.connect(server.url)) ?? { address: "" };
    await server.clients.waitFor(1);
    const peer = server.clients[0];
    await programs[0]?.run(({ client }) => client.close());
    await expect.poll(() => heard.length).toBe(1);
    expect(heard).toEqual([[address, peer, "CNR_ERR_CLOSED"]]);
    expect(peer?.isClosed).toBe(true);
    await peer?.close();
    await server.close();
    expect(heard.length).toBe(1);
    expect(alsoHeard).toEqual([address]);
  });

  it("tell of a killed client once, and the others go on", async () => {
    await using server = await listening(BRIEF);
    const heard: string[] = [];
    server.setDisconnectCallback((_address, peer, reason) => heard.push(`${peer.name} ${reason.code}`));
    await programs[0]?.connect(server.url, { name: "other" });
    const victim = new Program();
    await victim.connect(server.url, { name: "victim" });
    await server.clients.waitFor(2);
    const peer = server.clients.named("victim");
    await victim.kill();
    await expect.poll(() => heard).toEqual(["victim CNR_ERR_SESSION_LOST"]);
    await peer?.close();
    expect(await programs[0]?.run(({ client }) => client.eval("6 * 7"))).toBe(42);
    expect(heard.length).toBe(1);
    expect(server.clients.length).toBe(1);
  });

  it("tell of every client once when the server closes", async () => {
    await using server = await listening();
    const heard: string[] = [];
    server.setDisconnectCallback((_address, peer) => heard.push(peer.name));
    await Promise.all(programs.map((program, n) => program.connect(server.url, { name: `c${n}` })));
    await server.clients.waitFor(3);
    await server.close();
    await server.close();
    expect([...heard].sort()).toEqual(["c0", "c1", "c2"]);
  });

  it.each([
    [
      "at once",
      () => {
        throw new Error("bad callback");
      },
    ],
    ["later", () => Promise.reject(new Error("bad callback"))],
    [
      "after an await",
      async () => {
        await Promise.resolve();
        throw new Error("bad callback");
      },
    ],
  ])("that throw %s reach the error event with the peer, and the server goes on", async (_, fail) => {
    await using server = await listening();
    const errors: [string, string | undefined][] = [];
    server.on("error", (error, peer) => errors.push([error instanceof Error ? error.message : "", peer?.id]));
    server.setConnectCallback(fail);
    server.setDisconnectCallback(fail);
    const { id } = (await programs[0]?.connect(server.url)) ?? { id: "" };
    await expect.poll(() => errors).toEqual([["bad callback", id]]);
    expect(await programs[0]?.run(({ client }) => client.eval("1 + 1"))).toBe(2);
    await programs[0]?.run(({ client }) => client.close());
    await expect
      .poll(() => errors)
      .toEqual([
        ["bad callback", id],
        ["bad callback", id],
      ]);
    await programs[1]?.connect(server.url);
    expect(await programs[1]?.run(({ client }) => client.eval("2 + 2"))).toBe(4);
  });

  it("that throw never take a server down that has no error listener", async () => {
    const [serving] = (await startPrograms(1)) as [Program];
    const url = await serving.run(async (world) => {
      world.server = new world.connector.Server({ host: "127.0.0.1" });
      world.server.setConnectCallback(() => Promise.reject(new Error("nobody listens")));
      world.server.on("connect", () => {
        throw new Error("nobody listens to this either");
      });
      world.server.setDisconnectCallback(() => {
        throw new Error("nor to this");
      });
      await world.server.listen();
      return world.server.url;
    });
    await programs[0]?.connect(url);
    await programs[0]?.run(({ client }) => client.close());
    await programs[0]?.connect(url);
    expect(await programs[0]?.run(({ client }) => client.eval("3 + 3"))).toBe(6);
    expect(await serving.run(({ server }) => server.clients.length)).toBe(1);
    await serving.kill();
  });
});
