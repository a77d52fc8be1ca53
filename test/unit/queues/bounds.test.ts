import { describe, expect, it } from "vitest";
import { LimitError, QueueError, TimeoutError } from "../../../src/core/errors.ts";
import type { Queue } from "../../../src/queues/queue.ts";
import { outcomeOf, turns, worlds } from "./queue-world.ts";

const world = worlds();
const bound = { limits: { maxQueueItems: 3 } };

const sides: Record<string, () => { queue: Queue; other: Queue; further: Queue }> = {
  "of a client": () => {
    const all = world(bound);
    const client = all.connect();
    return { queue: client.queue(), other: all.server.get("tasks"), further: client.queue("further") };
  },
  "of the server": () => {
    const all = world(bound);
    return {
      queue: all.server.get("tasks"),
      other: all.connect().queue(),
      further: all.server.get("further"),
    };
  },
};

for (const [whose, open] of Object.entries(sides)) {
  describe(`a put ${whose} into a full queue`, () => {
    it("waits for room, in order, and other queues go on", async () => {
      const { queue, other, further } = open();
      const puts = [0, 1, 2, 3, 4].map((n) => outcomeOf(queue.put(n)));
      await further.put("elsewhere");
      await turns();
      expect(puts.map((put) => put.settled)).toEqual([true, true, true, false, false]);
      expect(await other.size()).toBe(3);
      expect(await other.get()).toBe(0);
      await turns();
      expect(puts.map((put) => put.settled)).toEqual([true, true, true, true, false]);
      expect([await other.get(), await other.get(), await other.get(), await other.get()]).toEqual([
        1, 2, 3, 4,
      ]);
      await turns();
      expect(puts.every((put) => put.settled && put.error === undefined)).toBe(true);
    });

    it("times out with TimeoutError, and is not stored later", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 3; n++) await queue.put(n);
      await expect(queue.put("late", { timeoutMs: 10 })).rejects.toThrow(TimeoutError);
      await expect(queue.put("once", { timeoutMs: 0 })).rejects.toThrow(
        'put into queue "tasks" did not finish within 0 ms',
      );
      await turns();
      expect(await other.clear()).toBe(3);
      await turns();
      expect(await other.size()).toBe(0);
    });

    it("can be aborted, and those behind it keep their order", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 3; n++) await queue.put(n);
      const abort = new AbortController();
      const given = queue.put("given up", { signal: abort.signal });
      const behind = queue.put("behind");
      await turns();
      abort.abort("no");
      await expect(given).rejects.toBe("no");
      await turns();
      for (let n = 0; n < 3; n++) expect(await other.get()).toBe(n);
      await behind;
      expect(await other.get()).toBe("behind");
      expect(await other.size()).toBe(0);
    });

    it("waits behind those of others that wait already", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 3; n++) await queue.put(n);
      const first = other.put("first");
      await turns();
      const second = queue.put("second");
      await turns();
      for (let n = 0; n < 3; n++) await other.get();
      await Promise.all([first, second]);
      expect([await other.get(), await other.get()]).toEqual(["first", "second"]);
    });

    it("goes in when the queue is cleared", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 3; n++) await queue.put(n);
      const put = queue.put("next");
      await turns();
      expect(await other.clear()).toBe(3);
      await put;
      expect(await other.get()).toBe("next");
    });

    it("rejects at once when the queue is closed", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 3; n++) await queue.put(n);
      const waiting = queue.put("waits").catch((error: unknown) => error);
      await turns();
      await other.close();
      expect(await waiting).toBeInstanceOf(QueueError);
      await expect(queue.put("later")).rejects.toMatchObject({ code: "CNR_ERR_QUEUE_CLOSED" });
      await expect(queue.tryPut("later")).rejects.toThrow(QueueError);
      expect([await other.get(), await other.get(), await other.get()]).toEqual([0, 1, 2]);
      await expect(other.get()).rejects.toThrow(QueueError);
    });

    it("goes in when an item's delay ends and a get takes it", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 3; n++) await queue.put(n, { delayMs: 20 });
      const got = other.get({ timeoutMs: 5000 });
      const put = queue.put("next");
      expect(await got).toBe(0);
      await put;
    });
  });

  describe(`tryPut ${whose}`, () => {
    it("says whether there was room, and never waits", async () => {
      const { queue, other } = open();
      const tried = [];
      for (let n = 0; n < 5; n++) tried.push(await queue.tryPut(n));
      expect(tried).toEqual([true, true, true, false, false]);
      expect(await other.get()).toBe(0);
      expect(await queue.tryPut("again", { timeoutMs: 0 })).toBe(true);
      expect(await queue.tryPut("too much", { timeoutMs: 1000 })).toBe(false);
    });

    it("does not overtake puts that wait", async () => {
      const { queue } = open();
      for (let n = 0; n < 3; n++) await queue.put(n);
      const waits = outcomeOf(queue.put("waits", { timeoutMs: 60_000 }));
      expect(await queue.tryPut("overtakes")).toBe(false);
      expect(waits.settled).toBe(false);
    });

    it("takes an id that is known for stored", async () => {
      const { queue } = open();
      expect(await queue.tryPut("x", { id: "1" })).toBe(true);
      expect(await queue.tryPut("x", { id: "1" })).toBe(true);
      expect(await queue.size()).toBe(1);
    });
  });
}

describe("waiting puts", () => {
  it("of a client that is gone are dropped", async () => {
    const all = world(bound);
    const [a, b] = [all.connect(), all.connect()];
    for (let n = 0; n < 3; n++) await b.queue().put(n);
    void a
      .queue()
      .put("a's")
      .catch(() => {});
    const mine = b.queue().put("b's");
    await turns();
    a.kill();
    await turns();
    for (let n = 0; n < 3; n++) await b.queue().get();
    await mine;
    expect(await b.queue().get()).toBe("b's");
    expect(await b.queue().size()).toBe(0);
  });

  it("of one client may not fill the server's memory: the rest is refused, and the link stays up", async () => {
    const all = world({ limits: { maxQueueItems: 1, maxUnsentBytes: 100_000 } });
    const client = all.connect();
    await client.queue().put("full");
    const puts = Array.from({ length: 200 }, (_, n) =>
      outcomeOf(client.queue().put({ n, text: "x".repeat(1000) })),
    );
    await turns();
    const refused = puts.filter((put) => put.error !== undefined);
    expect(refused.length).toBeGreaterThan(100);
    expect(refused.length).toBeLessThan(200);
    expect(refused.every((put) => put.error instanceof LimitError)).toBe(true);
    expect(refused[0]?.error).toMatchObject({
      code: "CNR_ERR_TOO_MANY",
      details: { option: "maxUnsentBytes" },
    });
    // What was parked goes in as before, and frees the memory for more.
    for (let n = 0; n < 200 - refused.length + 1; n++) await all.server.get("tasks").get();
    await turns();
    expect(puts.filter((put) => put.settled && put.error === undefined)).toHaveLength(200 - refused.length);
    await client.queue().put("room again");
  });

  it("that were given up do not count against it", async () => {
    const all = world({ limits: { maxQueueItems: 1, maxUnsentBytes: 100_000 } });
    const client = all.connect();
    await client.queue().put("full");
    for (let n = 0; n < 300; n++) {
      const abort = new AbortController();
      const put = client.queue().put("x".repeat(1000), { signal: abort.signal });
      if (n % 7 === 0) await turns(1);
      abort.abort("given up");
      await expect(put).rejects.toBe("given up");
    }
    const last = client.queue().put("last");
    await turns();
    expect([await client.queue().get(), await client.queue().get()]).toEqual(["full", "last"]);
    await last;
  });
});

describe("a line of waiting puts that were all given up", () => {
  it("holds nobody up, also when room appears without a get here", async () => {
    const all = world(bound);
    const queue = all.connect().queue();
    for (let n = 0; n < 3; n++) await queue.put(n);
    await expect(queue.put("late", { timeoutMs: 5 })).rejects.toThrow(TimeoutError);
    await turns();
    // As another server of the same store would.
    await all.store.purge("tasks");
    expect(await queue.tryPut("room")).toBe(true);
  });
});

describe("an answer to a put that was given up", () => {
  it("disturbs nothing that comes behind it, whatever it says", async () => {
    const all = world({ limits: { maxQueueItems: 1 } });
    const client = all.connect();
    await client.queue().put("full");
    await client.queue("closed").close();
    const abort = new AbortController();
    const { signal } = abort;
    // Refused, answered with "full", and stored: all on their way back when the sender gives up.
    const puts = [
      client.queue("closed").put(1, { signal }),
      client.queue().tryPut(2, { signal }),
      client.queue("free").put(3, { signal }),
      client.queue("free").size({ signal }),
    ].map((put) => put.catch((error: unknown) => error));
    const behind = client.queue("free").size();
    await Promise.resolve();
    client.session.flush();
    abort.abort("given up");
    expect(await Promise.all(puts)).toEqual(["given up", "given up", "given up", "given up"]);
    expect(await behind).toBe(1);
    expect(client.session.ended).toBeUndefined();
  });
});
