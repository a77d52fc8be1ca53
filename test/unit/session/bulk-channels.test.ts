import { afterEach, describe, expect, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import type { BulkReceiver } from "../../../src/session/bulk-receiver.ts";
import type { BulkSender } from "../../../src/session/bulk-sender.ts";
import type { Session } from "../../../src/session/session.ts";
import { acceptedBy, patterned, readAll, TEST_BULK } from "./bulk-pair.ts";
import { OpenSessions, type PairOptions, receivedBy, sendValue, turns } from "./session-pair.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

interface Opened {
  readonly sending: Session;
  readonly receiving: Session;
  readonly sender: BulkSender;
  readonly receiver: BulkReceiver;
  readonly receivers: BulkReceiver[];
}

async function opened(options?: PairOptions): Promise<Opened> {
  const [receiving, sending] = sessions.pair(options);
  const receivers = acceptedBy(receiving);
  const sender = sending.bulk.open(TEST_BULK, "file");
  await turns();
  return { sending, receiving, sender, receiver: receivers[0] as BulkReceiver, receivers };
}

describe("a bulk channel", () => {
  it("carries bytes in order to its end, from either side, under numbers of its own", async () => {
    const [server, client] = sessions.pair();
    const [atServer, atClient] = [acceptedBy(server), acceptedBy(client)];
    const bytes = patterned(3_000_000);
    const up = client.bulk.open(TEST_BULK, "up");
    const down = server.bulk.open(TEST_BULK, "down");
    expect([up.id, down.id, client.bulk.open(TEST_BULK, "next").id]).toEqual([1, 2, 3]);
    await turns();
    const read = Promise.all([atServer[0], atClient[0]].map((each) => readAll(each as BulkReceiver)));
    for (const sender of [up, down]) {
      void sender.send(bytes);
      void sender.end();
    }
    expect((await read).map((each) => Buffer.compare(each, bytes))).toEqual([0, 0]);
    expect([atServer[0]?.name, atClient[0]?.name, up.sentBytes]).toEqual(["up", "down", 3_000_000]);
  });

  it("may be empty", async () => {
    const { sender, receiver } = await opened();
    await sender.send(new Uint8Array(0));
    await sender.end();
    expect(await receiver.read()).toBeUndefined();
    expect(await receiver.read()).toBeUndefined();
  });

  it("sends no more than the receiver has room for, and goes on as it reads", async () => {
    const { sender, receiver } = await opened({ limits: { bulkWindowBytes: 10_000 } });
    await sender.send(patterned(25_000));
    const next = sender.send(patterned(5, 25_000));
    void sender.end();
    await turns();
    expect([receiver.unreadBytes, sender.sentBytes]).toEqual([10_000, 10_000]);
    expect((await receiver.read())?.length).toBe(10_000);
    await turns();
    expect([receiver.unreadBytes, sender.sentBytes]).toEqual([10_000, 20_000]);
    const rest = await readAll(receiver);
    await next;
    expect(Buffer.compare(rest, patterned(15_005, 10_000))).toBe(0);
  });

  it("never has more than a window unread, also when it is read in parts", async () => {
    const { sender, receiver } = await opened();
    void sender.send(patterned(4_000_000));
    await expect.poll(() => receiver.unreadBytes).toBe(1024 * 1024);
    for (let n = 0; n < 6; n++) {
      expect((await receiver.read())?.length).toBe(256 * 1024);
      await turns();
      expect(receiver.unreadBytes).toBeLessThanOrEqual(1024 * 1024);
    }
    expect(sender.sentBytes).toBeGreaterThan(2 * 1024 * 1024);
  });

  it("hands bytes that come to a reader that waits", async () => {
    const { sender, receiver } = await opened();
    const read = [receiver.read(), receiver.read(), receiver.read()];
    await sender.send(new Uint8Array([1]));
    await turns();
    await sender.send(new Uint8Array([2]));
    await turns();
    await sender.end();
    expect(await Promise.all(read)).toEqual([new Uint8Array([1]), new Uint8Array([2]), undefined]);
  });

  it("takes one piece at a time; a send that is given up leaves nothing behind", async () => {
    const { sender, receiver } = await opened({ limits: { bulkWindowBytes: 100 } });
    await sender.send(patterned(150));
    const given = new AbortController();
    const aborted = sender.send(new Uint8Array(7).fill(255), given);
    const late = sender.send(new Uint8Array(8).fill(254), { timeoutMs: 1 });
    const kept = sender.send(patterned(10, 150));
    given.abort(new Error("no longer"));
    await expect(aborted).rejects.toThrow("no longer");
    await expect(late).rejects.toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    await expect(sender.send(new Uint8Array(1), given)).rejects.toThrow("no longer");
    const ended = sender.end();
    await expect(sender.end({ timeoutMs: 1 })).rejects.toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    expect(Buffer.compare(await readAll(receiver), patterned(160))).toBe(0);
    await Promise.all([kept, ended]);
    await expect(sender.send(new Uint8Array(1))).rejects.toMatchObject({ code: "CNR_ERR_CLOSED" });
  });

  it("can be waited for only so long", async () => {
    const { sender, receiver } = await opened();
    await expect(receiver.read({ timeoutMs: 1 })).rejects.toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    const given = new AbortController();
    const read = receiver.read(given);
    given.abort(new Error("no longer"));
    await expect(read).rejects.toThrow("no longer");
    await sender.send(new Uint8Array([1]));
    expect(await receiver.read()).toEqual(new Uint8Array([1]));
  });

  it("ends for both by a reset of the sender, which drops what was not read", async () => {
    const { sender, receiver } = await opened();
    await sender.send(patterned(1000));
    await turns();
    expect(receiver.unreadBytes).toBe(1000);
    sender.reset("CNR_ERR_REMOTE", "the disk is on fire");
    sender.reset("CNR_ERR_CANCELLED");
    const reason = { code: "CNR_ERR_REMOTE", message: "the other side failed: the disk is on fire" };
    await expect(sender.send(patterned(1))).rejects.toMatchObject(reason);
    await expect(sender.end()).rejects.toMatchObject(reason);
    await turns();
    await expect(receiver.read()).rejects.toMatchObject(reason);
    expect(receiver.unreadBytes).toBe(0);
  });

  it("ends for both by a reset of the receiver, whatever is on its way", async () => {
    const { sender, receiver, sending, receiving } = await opened();
    await sender.send(patterned(500_000));
    const waiting = sender.send(patterned(10));
    receiver.reset("CNR_ERR_CANCELLED", "the copy");
    const reason = { code: "CNR_ERR_CANCELLED", message: "the copy was cancelled" };
    await expect(receiver.read()).rejects.toMatchObject(reason);
    await expect(waiting).rejects.toMatchObject(reason);
    await turns();
    expect([receiver.unreadBytes, sending.ended, receiving.ended]).toEqual([0, undefined, undefined]);
  });

  it("is given up by who leaves the loop over it", async () => {
    const { sender, receiver } = await opened();
    await sender.send(patterned(1000));
    for await (const piece of receiver) {
      expect(piece.length).toBe(1000);
      break;
    }
    await turns();
    await expect(sender.send(patterned(1))).rejects.toMatchObject({ code: "CNR_ERR_CANCELLED" });
  });

  it("may be reset by both at once, or when it has ended", async () => {
    const both = await opened();
    both.sender.reset();
    both.receiver.reset();
    const ended = await opened();
    void ended.sender.send(patterned(10));
    void ended.sender.end();
    ended.receiver.reset();
    const after = await opened();
    void after.sender.send(patterned(10));
    void after.sender.end();
    await turns();
    after.receiver.reset();
    expect(after.receiver.unreadBytes).toBe(0);
    await turns();
    for (const { sending, receiving } of [both, ended, after]) {
      expect([sending.ended, receiving.ended]).toEqual([undefined, undefined]);
    }
  });

  it("ends with its session: what had come is still read", async () => {
    const { sender, receiver, sending, receiving } = await opened({ limits: { bulkWindowBytes: 100 } });
    await sender.send(patterned(150));
    const waiting = sender.send(patterned(1));
    const ended = sender.end();
    await turns();
    const reason = failure("CNR_ERR_SESSION_LOST", { reason: "a test", restarted: false });
    sending.abort(reason);
    receiving.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(ended).rejects.toBe(reason);
    expect((await receiver.read())?.length).toBe(100);
    await expect(receiver.read()).rejects.toBe(reason);
    expect(() => sending.bulk.open(TEST_BULK, "late")).toThrow(reason);
  });

  it("is refused beyond so many, and has a name of 1024 characters at most", async () => {
    const { sending, receiving, sender } = await opened({ limits: { maxBulkChannels: 2 } });
    const second = sending.bulk.open(TEST_BULK, "n".repeat(1024));
    expect(() => sending.bulk.open(TEST_BULK, "third")).toThrow(
      expect.objectContaining({ code: "CNR_ERR_TOO_MANY" }),
    );
    await second.end();
    expect(() => sending.bulk.open(TEST_BULK, "n".repeat(1025))).toThrow(RangeError);
    sender.reset();
    for (let n = 0; n < 2; n++) sending.bulk.open(TEST_BULK, "again");
    await turns();
    expect([sending.ended, receiving.ended]).toEqual([undefined, undefined]);
  });

  it("gets no credit while as many windows are unread as channels may be open", async () => {
    const { sending, sender, receivers } = await opened({
      limits: { maxBulkChannels: 2, bulkWindowBytes: 1000 },
    });
    const sendWhole = (each: BulkSender): void => {
      void each.send(patterned(1000));
      void each.end();
    };
    sendWhole(sender);
    sendWhole(sending.bulk.open(TEST_BULK, "second"));
    await turns();
    const third = sending.bulk.open(TEST_BULK, "third");
    sendWhole(third);
    const fourth = sending.bulk.open(TEST_BULK, "fourth");
    await turns();
    expect(receivers.map((each) => each.unreadBytes)).toEqual([1000, 1000, 0, 0]);
    fourth.reset();
    await receivers[1]?.read();
    await turns();
    expect([receivers[2]?.unreadBytes, third.sentBytes]).toEqual([1000, 1000]);
  });
});

describe("bulk channels and messages of one link", () => {
  it("take turns; messages go first", async () => {
    const [server, client] = sessions.pair();
    const got = receivedBy(server);
    const receivers = acceptedBy(server);
    const senders = ["a", "b", "c"].map((name) => client.bulk.open(TEST_BULK, name));
    await turns();
    for (const sender of senders) void sender.send(patterned(500_000));
    sendValue(client, "first");
    const seen: number[][] = [];
    while (seen.length < 5 && receivers.every((each) => each.unreadBytes < 500_000)) {
      await turns(1);
      seen.push(receivers.map((each) => each.unreadBytes));
      if (receivers.some((each) => each.unreadBytes > 0)) expect(got).toEqual(["first"]);
    }
    expect(seen.length).toBeGreaterThan(0);
    for (const sizes of seen) {
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(64 * 1024);
    }
  });

  it("are made when the first is used, once", () => {
    const [server] = sessions.pair();
    let made = 0;
    server.beforeBulk = () => void made++;
    expect(made).toBe(0);
    const { bulk } = server;
    expect(server.bulk).toBe(bulk);
    expect(made).toBe(1);
  });
});
