import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { type Client, Key, type Peer, type Server } from "../../src/index.ts";
import { deriveKeys } from "../../src/security/node/derived-keys.ts";
import { secureDialer } from "../../src/transport/node/secure.ts";
import { CALM, leaveOnly, proxyTo, WAYS, type Way, wayOf } from "../fixtures/local-ways.ts";
import { errorsOf, newClient, openServer } from "../fixtures/open-ends.ts";
import { RawPeer } from "../fixtures/raw-peer.ts";
import { atEnd } from "../fixtures/secure-listener.ts";
import { seededBytes } from "../fixtures/seeded.ts";

const HANG_MS = 30_000;
const REVOKED = { name: "AuthenticationError", code: "CNR_ERR_KEY_REVOKED" };
/** A Unix socket does not tell whether it was the id or the secret. */
const REFUSAL = { TLS: "CNR_ERR_UNKNOWN_KEY", "Unix socket": "CNR_ERR_WRONG_KEY" } as const;
const SESSION = seededBytes(1, 16);

/** A server with a key "lent" that was added while it runs, and what it tells. */
async function lending(): Promise<{ server: Server; key: Key; errors: ReturnType<typeof errorsOf> }> {
  const server = await openServer({ heartbeat: { idleMs: 50, deadMs: 200 } });
  const key = Key.generate();
  server.keys.add("lent", { key, allow: { data: true, call: true } });
  return { server, key, errors: errorsOf(server) };
}

async function rawPeer(server: Server, key: Key): Promise<RawPeer> {
  return new RawPeer(await secureDialer(deriveKeys(key)).dial("127.0.0.1", server.address?.port ?? 0));
}

describe.each(WAYS)("a key that is revoked, of clients that came by %s", { timeout: HANG_MS }, (way: Way) => {
  const told: string[] = [];
  afterEach(() => void told.splice(0));

  async function connected(): Promise<{ server: Server; key: Key; client: Client; peer: Peer }> {
    leaveOnly(way);
    const { server, key } = await lending();
    const client = newClient({ key });
    await client.connect(server.url ?? "");
    const peer = server.clients[0] as Peer;
    expect([wayOf(peer), peer.keyName, server.keys.names()]).toEqual([way, "lent", ["main", "lent"]]);
    server.on("disconnect", (_address, { keyName }, { code }) => told.push(`server: ${keyName} ${code}`));
    client.on("disconnect", ({ code }) => told.push(`client: ${code}`));
    client.on("reconnecting", ({ code }) => told.push(`client: reconnecting ${code}`));
    return { server, key, client, peer };
  }

  it("ends their links: both sides say so, and all who wait; others stay", async () => {
    const { server, client, peer } = await connected();
    const other = newClient();
    await other.connect(server.url ?? "");
    const waits = [client.recv(), client.globals.get(), client.callRemote("x", []), peer.recv()];
    const refused = Promise.all([
      expect(waits[0]).rejects.toMatchObject(REVOKED),
      expect(waits[1]).rejects.toMatchObject(REVOKED),
      expect(waits[3]).rejects.toMatchObject(REVOKED),
    ]);
    waits[2]?.catch(() => {});
    expect(server.keys.revoke("lent")).toBe(true);
    await refused;
    await expect.poll(() => told.length).toBe(2);
    expect(told.sort()).toEqual(["client: CNR_ERR_KEY_REVOKED", "server: lent CNR_ERR_KEY_REVOKED"]);
    expect([client.state, peer.state, server.clients.length]).toEqual(["closed", "closed", 1]);
    expect(await other.eval("'undisturbed'")).toBe("undisturbed");
    expect([server.keys.names(), server.keys.revoke("lent")]).toEqual([["main"], false]);
  });

  it("opens nothing any more, until it is added again", async () => {
    const { server, key, client } = await connected();
    server.keys.revoke("lent");
    await expect.poll(() => client.state).toBe("closed");
    const again = client.connect(server.url ?? "");
    await expect(again).rejects.toMatchObject({ name: "AuthenticationError", code: REFUSAL[way] });
    await expect(newClient({ key }).connect(server.url ?? "")).rejects.toMatchObject({ code: REFUSAL[way] });
    expect(server.clients.length).toBe(0);
    server.keys.add("back", { key, allow: { data: true } });
    await client.connect(server.url ?? "");
    expect(server.clients[0]?.keyName).toBe("back");
  });

  it("brings back no session that was away just then", async () => {
    leaveOnly(way);
    const { server, key, errors } = await lending();
    const { proxy, port } = await proxyTo(server, way, CALM);
    atEnd(() => proxy[Symbol.asyncDispose]());
    const client = newClient({ key });
    await client.connect("127.0.0.1", port);
    const peer = server.clients[0] as Peer;
    expect(wayOf(peer)).toBe(way);
    const gone = new Promise((resolve) => peer.on("disconnect", resolve));
    const lost = new Promise((resolve) => client.on("disconnect", resolve));
    const waits = [client.recv(), peer.recv()].map((wait) => wait.catch((error: unknown) => error));
    proxy.refuse();
    await expect.poll(() => [client.state, peer.state]).toEqual(["reconnecting", "reconnecting"]);
    server.keys.revoke("lent");
    expect(await gone).toMatchObject(REVOKED);
    expect([peer.state, server.clients.length]).toEqual(["closed", 0]);
    proxy.accept();
    // Nobody has told the client why: it is refused like anyone with a key that is not known.
    expect(await lost).toMatchObject({ code: "CNR_ERR_SESSION_LOST", cause: { code: REFUSAL[way] } });
    expect(await Promise.all(waits)).toMatchObject([{ code: "CNR_ERR_SESSION_LOST" }, REVOKED]);
    await expect.poll(() => errors.at(-1)?.code).toMatch(/^CNR_ERR_(UNKNOWN|WRONG)_KEY$/);
    expect([client.state, server.clients.length]).toEqual(["closed", 0]);
  });

  it("ends a link that has proved it and has not said HELLO yet", async () => {
    leaveOnly(way);
    const { server, key } = await lending();
    const [early, other] = [await rawPeer(server, key), await rawPeer(server, key)];
    expect(await early.hello({ sessionId: SESSION })).toMatchObject({ lost: "" });
    // In the order of their coming: the second one is known to the server as well now.
    await sleep(50);
    expect(other.isClosed).toBe(false);
    server.keys.revoke("lent");
    await other.closed;
    await early.closed;
    expect([early.bye?.code, other.bye, server.clients.length]).toEqual([
      "CNR_ERR_KEY_REVOKED",
      undefined,
      0,
    ]);
  });
});

describe.each(WAYS)("a session whose id somebody else knows, over %s", { timeout: HANG_MS }, (way) => {
  it("does not go on with another key, nor begin again; with its own it does", async () => {
    leaveOnly(way);
    const { server, key } = await lending();
    const thief = Key.generate();
    server.keys.add("thief", { key: thief, allow: { data: true, call: true, code: true } });
    const owner = await rawPeer(server, key);
    expect(await owner.hello({ sessionId: SESSION, name: "owner" })).toMatchObject({ lost: "" });
    const peer = server.clients[0] as Peer;
    for (const isFresh of [false, true]) {
      for (const attempt of [1, 2, 2 ** 40]) {
        const other = await rawPeer(server, thief);
        const answer = await other.hello({ sessionId: SESSION, isFresh, attempt });
        expect(answer).toMatchObject({ lost: "other key", peerId: "", receivedFrames: 0 });
        // Asking once more over the same link, for the same session, is no client's way.
        expect(await other.hello({ sessionId: SESSION, isFresh, attempt: attempt + 1 })).toBeUndefined();
      }
    }
    expect([owner.isClosed, server.clients.length, peer.state, peer.keyName]).toEqual([
      false,
      1,
      "open",
      "lent",
    ]);
    const back = await rawPeer(server, key);
    expect(await back.hello({ sessionId: SESSION, isFresh: false, attempt: 2 })).toMatchObject({
      lost: "",
      peerId: peer.id,
    });
    await owner.closed;
    expect([server.clients[0], peer.stats().resumes]).toEqual([peer, 1]);
  });

  it("does not go on with its key under another name: what that name may do is another matter", async () => {
    leaveOnly(way);
    const { server, key } = await lending();
    const owner = await rawPeer(server, key);
    await owner.hello({ sessionId: SESSION });
    server.keys.revoke("lent");
    await owner.closed;
    server.keys.add("other", { key });
    const back = await rawPeer(server, key);
    expect(await back.hello({ sessionId: SESSION, isFresh: false, attempt: 2 })).toMatchObject({
      lost: "unknown session",
    });
  });
});
