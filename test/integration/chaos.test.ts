import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Client, type Peer, Server } from "../../src/index.ts";
import { leaveOnly, proxyTo, wayOf } from "../fixtures/local-ways.ts";
import { seeded } from "../fixtures/seeded.ts";

/** A small window, so that what is not acknowledged, and sent again over each link, stays small. */
const FAST = { heartbeat: { idleMs: 60, deadMs: 300 }, limits: { channelWindowBytes: 16 * 1024 } };
const HANG_MS = 60_000;
const MESSAGES = 3000;
const CALLS = 250;
const ITEMS = 250;
const WRITES = 250;

const KEYLESS = { key: false } as const;
/** What links may run over, and about the length of all that opens one: the proof of a key, HELLO and WELCOME. */
const KINDS = {
  TCP: { key: KEYLESS, way: "TLS", handshakeBytes: 150, seeds: [1] },
  TLS: { key: {}, way: "TLS", handshakeBytes: 2500, seeds: [2, 3] },
  "Unix sockets": { key: {}, way: "Unix socket", handshakeBytes: 400, seeds: [4] },
} as const;

/** More of them for longer runs, the same again on demand. Without any each kind has its own: all of them take half a minute. */
const SEEDS = process.env["CHAOS_SEEDS"]?.split(",").map(Number);

interface App {
  serverFunctions: { once(n: number): number };
  clientFunctions: { once(n: number): number };
}

/** Counts how often each number was asked for. */
function counting(): { readonly runs: Map<number, number>; readonly once: (n: number) => number } {
  const runs = new Map<number, number>();
  return { runs, once: (n) => runs.set(n, (runs.get(n) ?? 0) + 1) && n * 2 };
}

function payload(n: number): unknown {
  if (n % 97 === 0) return { n, bytes: new Uint8Array(17_000).fill(n & 255) };
  return n % 10 === 0 ? { n, text: "x".repeat(n % 700) } : n;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

async function sendAll(end: Pick<Client, "send">): Promise<void> {
  for (const n of numbers(MESSAGES)) {
    await end.send(payload(n));
    if (n % 20 === 0) await sleep(1);
  }
}

async function receiveAll(end: Pick<Client, "recv">): Promise<unknown[]> {
  const got: unknown[] = [];
  while (got.length < MESSAGES) got.push(await end.recv());
  return got;
}

async function callAll(remote: { once(n: number): Promise<number> }): Promise<number[]> {
  const answers: Promise<number>[] = [];
  for (const n of numbers(CALLS)) {
    answers.push(remote.once(n));
    if (n % 4 === 0) await sleep(2);
  }
  return Promise.all(answers);
}

async function putAll(end: Pick<Server, "queues">, name: string): Promise<void> {
  for (const n of numbers(ITEMS)) {
    await end.queues[name].put(n);
    if (n % 4 === 0) await sleep(2);
  }
}

async function getAll(end: { readonly queues: Server["queues"] }, name: string): Promise<number[]> {
  const got: number[] = [];
  while (got.length < ITEMS) got.push(await end.queues[name].get());
  return got;
}

async function writeAll(vars: Record<string, unknown>, who: string): Promise<void> {
  for (const n of numbers(WRITES)) {
    vars[`${who} ${n % 20}`] = n;
    vars["both"] = `${who} ${n}`;
    if (n % 4 === 0) await sleep(2);
  }
}

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])(
  "links over %s that are cut at random",
  (kind) => {
    it.each(SEEDS ?? KINDS[kind].seeds)(
      "lose, repeat and reorder nothing: seed %d",
      { timeout: HANG_MS },
      async (seed) => {
        const { key, way, handshakeBytes } = KINDS[kind];
        leaveOnly(way);
        const random = seeded(seed);
        await using server = new Server<App>({ host: "127.0.0.1", ...FAST, ...key });
        const [atServer, atClient] = [counting(), counting()];
        server.expose({ once: atServer.once });
        server.on("error", () => {});
        await server.listen();
        const chaos = { random, maxBytes: 50_000, firstInHandshake: 3, handshakeBytes };
        const { proxy, port } = await proxyTo(server, way, chaos);
        await using _ = proxy;
        await using client = new Client<App>({ ...FAST, ...key, name: "chaos" });
        client.expose({ once: atClient.once });
        const met: Peer<App>[] = [];
        const gone: unknown[] = [];
        server.on("connect", (peer) => void met.push(peer));
        server.on("disconnect", (_address, _peer, reason) => void gone.push(reason));
        const events = { reconnecting: 0, resumed: 0 };
        client.on("reconnecting", () => void events.reconnecting++);
        client.on("resumed", () => void events.resumed++);
        client.on("disconnect", (reason) => void gone.push(reason));

        // The first links are cut in their handshake: a client tries again, and is the same one.
        while (client.state !== "open") await client.connect("127.0.0.1", port).catch(() => {});
        const peer = met[0] as Peer<App>;
        expect([peer.keyName, wayOf(peer as Peer)]).toEqual([key === KEYLESS ? undefined : "main", way]);
        const [fromServer, fromClient, callsUp, callsDown, down, up] = await Promise.all([
          receiveAll(client as Client),
          receiveAll(peer as Peer),
          callAll(client.remote),
          callAll(peer.remote),
          getAll(client.globals as never, "down"),
          getAll(server as never, "up"),
          sendAll(client as Client),
          sendAll(peer as Peer),
          putAll(server as never, "down"),
          putAll(client.globals as never, "up"),
          writeAll(client.globals.vars, "client"),
          writeAll(server.vars, "server"),
        ]);
        proxy.isCalm = true;
        const context = `seed ${seed}, ${proxy.cuts} cuts`;
        const doubled = numbers(CALLS).map((n) => n * 2);
        expect(fromServer, context).toEqual(numbers(MESSAGES).map(payload));
        expect(fromClient, context).toEqual(numbers(MESSAGES).map(payload));
        expect([callsUp, callsDown], context).toEqual([doubled, doubled]);
        for (const { runs } of [atServer, atClient]) {
          expect([runs.size, Math.max(...runs.values())], context).toEqual([CALLS, 1]);
        }
        expect([down, up], context).toEqual([numbers(ITEMS), numbers(ITEMS)]);
        // Gone through a link that may be cut once more before it knows that it is calm.
        await expect.poll(() => client.state, { timeout: 10_000 }).toBe("open");
        await client.globals.dict.synced();
        await expect.poll(() => client.globals.dict.get("both")).toBe(server.dict.get("both"));
        expect(Object.fromEntries(client.globals.dict), context).toEqual(Object.fromEntries(server.dict));
        expect([met.length, gone, server.clients.length], context).toEqual([1, [], 1]);
        expect(proxy.cuts, context).toBeGreaterThan(30);
        expect(events.resumed, context).toBeGreaterThan(20);
        expect(peer.stats().resumes).toBeGreaterThanOrEqual(events.resumed);
        for (const side of [client, peer]) {
          await expect.poll(() => side.stats()?.unacknowledgedBytes, { message: context }).toBe(0);
        }
      },
    );
  },
);
