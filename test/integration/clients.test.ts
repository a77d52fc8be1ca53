import { beforeAll, describe, expect, it } from "vitest";
import { Client, Server } from "../../src/index.ts";
import { type Program, startPrograms } from "../fixtures/programs.ts";

describe("server.clients", { timeout: 30_000 }, () => {
  let programs: Program[];
  beforeAll(async () => {
    programs = await startPrograms(3);
  });

  async function threeConnected(): Promise<{ server: Server; ids: string[]; addresses: string[] }> {
    const server = new Server({ host: "127.0.0.1" });
    await server.listen();
    const ids: string[] = [];
    const addresses: string[] = [];
    for (const [n, program] of programs.entries()) {
      const { id, address } = await program.connect(server.url, { name: `worker-${n + 1}` });
      ids.push(id);
      addresses.push(address);
    }
    await server.clients.waitFor(3);
    return { server, ids, addresses };
  }

  it("is in order of connecting: by index, at(), length and iteration", async () => {
    const { server, ids } = await threeConnected();
    await using _ = server;
    const { clients } = server;
    expect(clients.length).toBe(3);
    expect([clients[0]?.id, clients[1]?.id, clients[2]?.id]).toEqual(ids);
    expect(clients.at(-1)?.id).toBe(ids[2]);
    expect([...clients].map((peer) => peer.id)).toEqual(ids);
    expect(clients.map((peer) => peer.name)).toEqual(["worker-1", "worker-2", "worker-3"]);
  });

  it("finds a peer by address text, address object, id and name", async () => {
    const { server, ids, addresses } = await threeConnected();
    await using _ = server;
    const { clients } = server;
    const second = clients[1];
    expect(clients.get(addresses[1] ?? "")).toBe(second);
    expect(clients.get({ host: "127.0.0.1", port: second?.address?.port ?? 0 })).toBe(second);
    expect(clients.get(second?.address ?? "")).toBe(second);
    expect(clients.get(ids[1] ?? "")).toBe(second);
    expect(clients.named("worker-2")).toBe(second);
    expect(clients.addresses()).toEqual(addresses);
  });

  it("gives undefined for one that is missing", async () => {
    const { server } = await threeConnected();
    await using _ = server;
    const { clients } = server;
    expect(clients[3]).toBeUndefined();
    expect(clients.at(-4)).toBeUndefined();
    expect(clients.get("127.0.0.1:1")).toBeUndefined();
    expect(clients.get({ host: "10.0.0.1", port: 1 })).toBeUndefined();
    expect(clients.get("no such id")).toBeUndefined();
    expect(clients.get("")).toBeUndefined();
    expect(clients.named("worker-4")).toBeUndefined();
  });

  it("loses a peer that leaves, and keeps the order of the others", async () => {
    const { server, ids, addresses } = await threeConnected();
    await using _ = server;
    const gone = new Promise((resolve) => server.setDisconnectCallback(resolve));
    await programs[1]?.run(({ client }) => client.close());
    await gone;
    expect([...server.clients].map((peer) => peer.id)).toEqual([ids[0], ids[2]]);
    expect(server.clients.get(addresses[1] ?? "")).toBeUndefined();
    expect(server.clients.get(ids[1] ?? "")).toBeUndefined();
    expect(server.clients.named("worker-2")).toBeUndefined();
    expect(server.clients.addresses()).toEqual([addresses[0], addresses[2]]);
  });

  it("is empty without clients", async () => {
    await using server = new Server({ host: "127.0.0.1" });
    await server.listen();
    expect([server.clients.length, server.clients[0], server.clients.at(-1), [...server.clients]]).toEqual([
      0,
      undefined,
      undefined,
      [],
    ]);
    expect(server.clients.addresses()).toEqual([]);
  });

  it("names may be left out, and two clients may have the same", async () => {
    await using server = new Server({ host: "127.0.0.1" });
    await server.listen();
    await programs[0]?.connect(server.url);
    await programs[1]?.connect(server.url, { name: "twin" });
    await programs[2]?.connect(server.url, { name: "twin" });
    await server.clients.waitFor(3);
    expect(server.clients.named("twin")).toBe(server.clients[1]);
    expect(server.clients[0]?.name).toBe("");
  });

  it("waitFor(n) resolves when n are connected, at once when they are", async () => {
    await using server = new Server({ host: "127.0.0.1" });
    await server.listen();
    await server.clients.waitFor(0);
    const order: string[] = [];
    const two = server.clients.waitFor(2).then(() => order.push(`two of ${server.clients.length}`));
    await programs[0]?.connect(server.url);
    await server.clients.waitFor(1);
    order.push("one");
    await programs[1]?.connect(server.url);
    await two;
    expect(order).toEqual(["one", "two of 2"]);
    await server.clients.waitFor(1);
  });

  it("waitFor(n) ends by time, by signal, and when the server closes", async () => {
    await using server = new Server({ host: "127.0.0.1" });
    await server.listen();
    await expect(server.clients.waitFor(1, { timeoutMs: 5 })).rejects.toMatchObject({
      name: "TimeoutError",
      code: "CNR_ERR_TIMEOUT",
    });
    const reason = new Error("mine");
    await expect(server.clients.waitFor(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const waiting = server.clients.waitFor(1);
    const refused = expect(waiting).rejects.toMatchObject({
      name: "ConnectionError",
      code: "CNR_ERR_CLOSED",
    });
    await server.close();
    await refused;
  });

  it("a peer that the server closes leaves the list; the client learns that the server did it", async () => {
    await using server = new Server({ host: "127.0.0.1" });
    await server.listen();
    await using client = new Client();
    await client.connect(server.url ?? "");
    const reasons: string[] = [];
    const gone = new Promise<void>((resolve) => {
      client.on("disconnect", (reason) => {
        reasons.push(reason.code);
        resolve();
      });
    });
    await server.clients.waitFor(1);
    const peer = server.clients[0];
    await peer?.close();
    await gone;
    expect([peer?.isClosed, peer?.state, server.clients.length]).toEqual([true, "closed", 0]);
    expect(reasons).toEqual(["CNR_ERR_CLOSED"]);
    expect(client.isClosed).toBe(true);
  });
});
