import { describe, expect, it } from "vitest";
import { Client, type Peer, Server } from "../../src/index.ts";
import type { BulkReceiver } from "../../src/session/bulk-receiver.ts";
import type { Session } from "../../src/session/session.ts";
import { BulkDoor } from "../fixtures/bulk-door.ts";
import { ChaosProxy } from "../fixtures/chaos-proxy.ts";
import { seeded } from "../fixtures/seeded.ts";
import { patterned, TEST_BULK } from "../unit/session/bulk-pair.ts";

const FAST = { heartbeat: { idleMs: 60, deadMs: 300 }, limits: { bulkWindowBytes: 64 * 1024 } };
const HANG_MS = 60_000;
const CALLS = 100;
const MIB = 1024 * 1024;
const CHANNEL_BYTES = MIB;
const SEEDS = (process.env["CHAOS_SEEDS"] ?? "1,2").split(",").map(Number);

interface App {
  serverFunctions: { once(n: number): number };
}

async function sendAll(session: Session, name: string, bytes: number): Promise<void> {
  const sender = session.bulk.open(TEST_BULK, name);
  for (let at = 0; at < bytes; at += 100_000) {
    await sender.send(patterned(Math.min(100_000, bytes - at), at));
  }
  await sender.end();
}

/** Reads to the end, and gives the place of the first byte that is not the one that was sent there; the length if none is. */
async function checked(receiver: BulkReceiver): Promise<number> {
  let at = 0;
  for await (const piece of receiver) {
    if (Buffer.compare(piece, patterned(piece.length, at)) !== 0) return at;
    at += piece.length;
  }
  return at;
}

describe("bulk channels of a client whose links are cut at random", () => {
  it.each(SEEDS)("lose, repeat and move no byte: seed %d", { timeout: HANG_MS }, async (seed) => {
    using door = new BulkDoor();
    await using server = new Server<App>({ host: "127.0.0.1", ...FAST });
    const runs = new Map<number, number>();
    server.expose({ once: (n) => runs.set(n, (runs.get(n) ?? 0) + 1) && n * 2 });
    server.on("error", () => {});
    await server.listen();
    const target = { host: "127.0.0.1", port: server.address?.port ?? 0 };
    const chaos = { random: seeded(seed), maxBytes: 400_000, firstInHandshake: 1 };
    await using proxy = new ChaosProxy(target, chaos);
    const port = await proxy.listen();
    await using client = new Client<App>(FAST);
    const met: Peer<App>[] = [];
    server.on("connect", (peer) => void met.push(peer));
    while (client.state !== "open") await client.connect("127.0.0.1", port).catch(() => {});
    await expect.poll(() => met.length).toBe(1);

    const { sessions } = door;
    const answers: Promise<number>[] = [];
    const sent = sessions.flatMap((session) =>
      ["a", "b", "c"].map((name) => sendAll(session, name, CHANNEL_BYTES)),
    );
    for (let n = 0; n < CALLS; n++) answers.push(client.remote.once(n));
    const receivers = (): BulkReceiver[] => sessions.flatMap((each) => door.received.get(each) ?? []);
    await expect.poll(() => receivers().length, { timeout: HANG_MS }).toBe(6);
    const read = receivers().map(checked);
    const context = (): string => `seed ${seed}, ${proxy.cuts} cuts`;
    await Promise.all(sent);
    expect(await Promise.all(read), context()).toEqual(Array.from({ length: 6 }, () => CHANNEL_BYTES));
    expect(await Promise.all(answers), context()).toEqual(Array.from({ length: CALLS }, (_, n) => n * 2));
    proxy.isCalm = true;
    expect([runs.size, Math.max(...runs.values()), met.length]).toEqual([CALLS, 1, 1]);
    expect(proxy.cuts, context()).toBeGreaterThan(10);
    expect(sessions.map((each) => each.ended)).toEqual([undefined, undefined]);
    for (const session of sessions) {
      await expect.poll(() => session.stats.unacknowledgedBytes, { timeout: 10_000 }).toBe(0);
    }
  });
});

describe("a call that is made while bulk bytes stream", () => {
  it.each(["up", "down"])("is answered before their end: %s", { timeout: HANG_MS }, async (direction) => {
    using door = new BulkDoor();
    await using server = new Server<App>({ host: "127.0.0.1" });
    server.expose({ once: (n) => n * 2 });
    await server.listen();
    await using client = new Client<App>();
    await client.connect(server.url as string);
    await client.remote.once(0);
    const { sessions } = door;
    expect(sessions.length).toBe(2);
    const isOfServer = (session: Session): boolean => session.bulk.open(TEST_BULK, "probe").id === 2;
    const [atServer, atClient] = isOfServer(sessions[0] as Session) ? sessions : sessions.toReversed();
    const [from, to] = direction === "up" ? [atClient, atServer] : [atServer, atClient];
    const before = door.received.get(to as Session)?.length ?? 0;
    let isOver = false;
    const sent = sendAll(from as Session, "large", 64 * MIB);
    await expect.poll(() => door.received.get(to as Session)?.length).toBeGreaterThan(before);
    const read = checked(door.received.get(to as Session)?.at(-1) as BulkReceiver).then((length) => {
      isOver = true;
      return length;
    });
    for (let n = 0; n < 5; n++) {
      expect(await client.remote.once(n)).toBe(n * 2);
      expect(isOver).toBe(false);
    }
    await sent;
    expect(await read).toBe(64 * MIB);
  });
});
