import { describe, expect, it } from "vitest";
import { ConnectionError, failure, QueueError } from "../../../src/core/errors.ts";
import { DirectQueues } from "../../../src/queues/direct-queues.ts";
import { QueueTable } from "../../../src/queues/queue-table.ts";
import { outcomeOf, turns, worlds } from "./queue-world.ts";

const world = worlds();
const reasonOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
const CLOSED = { code: "CNR_ERR_QUEUE_CLOSED" };

describe("a closed queue", () => {
  it("refuses puts, lets gets drain it, then ends them", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    await a.queue().put(1);
    await a.queue().put(2);
    await a.queue().close();
    await expect(b.queue().put(3)).rejects.toMatchObject(CLOSED);
    await expect(b.queue().tryPut(3)).rejects.toThrow(QueueError);
    await expect(all.server.get("tasks").put(3)).rejects.toThrow('the queue "tasks" is closed');
    expect(await b.queue().get()).toBe(1);
    expect(await all.server.get("tasks").get()).toBe(2);
    for (const queue of [a.queue(), b.queue(), all.server.get("tasks")]) {
      await expect(queue.get()).rejects.toMatchObject(CLOSED);
      await expect(queue.get({ timeoutMs: 1000 })).rejects.toMatchObject(CLOSED);
      await expect(queue.get({ timeoutMs: 0 })).rejects.toMatchObject(CLOSED);
      await expect(queue.tryGet()).rejects.toMatchObject(CLOSED);
      expect(await queue.size()).toBe(0);
    }
  });

  it("ends all gets that wait, whatever they wait with", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const { signal } = new AbortController();
    const gets = [a, b].flatMap(({ globals }) => {
      const queue = globals.get("tasks");
      return [queue.get(), queue.get({ signal }), queue.get({ timeoutMs: 60_000 })];
    });
    gets.push(all.server.get("tasks").get(), all.server.get("tasks").get({ signal }));
    const reasons = gets.map(reasonOf);
    await turns();
    await a.queue().close();
    for (const reason of await Promise.all(reasons)) expect(reason).toMatchObject(CLOSED);
  });

  it("ends loops, after what was left", async () => {
    const all = world();
    const client = all.connect();
    const seen: unknown[] = [];
    const loops = [client.queue(), all.server.get("tasks")].map(async (queue) => {
      for await (const item of queue) seen.push(item);
    });
    for (let n = 0; n < 10; n++) await client.queue().put(n);
    await client.queue().close();
    await Promise.all(loops);
    expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("gives its last item to another when the getter that had it dies", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const first = outcomeOf(a.queue().get());
    await turns();
    await all.server.get("tasks").put("last");
    const close = all.server.get("tasks").close();
    const second = outcomeOf(b.queue().get());
    // Before a's acknowledgement can have arrived.
    a.kill();
    await close;
    await turns();
    expect(first.value === "last" || second.value === "last").toBe(true);
    if (second.value === "last") await expect(b.queue().get()).rejects.toMatchObject(CLOSED);
  });

  it("may be closed again, from anywhere", async () => {
    const all = world();
    const client = all.connect();
    await client.queue().close();
    await client.queue().close({ timeoutMs: 5000 });
    await all.server.get("tasks").close();
  });

  it("leaves others alone", async () => {
    const all = world();
    const client = all.connect();
    await client.queue("a").close();
    await client.queue("b").put(1);
    await client.locals.get("a").put(2);
    expect(await client.queue("b").get()).toBe(1);
    expect(await client.peer.get("a").get()).toBe(2);
  });
});

describe("when the server closes in order", () => {
  it("waiting gets end with QueueError, and its cause is the closed link", async () => {
    const all = world();
    const client = all.connect();
    const { signal } = new AbortController();
    const gets = [
      client.queue().get(),
      client.queue().get({ signal }),
      client.locals.get("x").get(),
      client.locals.get("x").get({ timeoutMs: 60_000 }),
      client.peer.get("x").get(),
    ].map(reasonOf);
    const loop = (async () => {
      for await (const _ of client.queue("loop"));
      return "ended";
    })();
    await turns();
    await client.served.close();
    for (const reason of await Promise.all(gets)) {
      expect(reason).toMatchObject(CLOSED);
      expect((reason as Error).cause).toMatchObject({ code: "CNR_ERR_CLOSED" });
    }
    expect(await loop).toBe("ended");
  });

  it("later gets do the same, so that a worker's loop ends; puts say that the link is closed", async () => {
    const all = world();
    const client = all.connect();
    await client.queue().put(1);
    await client.served.close();
    await expect(client.queue().get()).rejects.toMatchObject(CLOSED);
    await expect(client.queue("new").get({ timeoutMs: 0 })).rejects.toMatchObject(CLOSED);
    await expect(client.queue().tryGet()).rejects.toMatchObject(CLOSED);
    for (const put of [
      client.queue().put(2),
      client.queue().tryPut(2),
      client.queue().put(2, { timeoutMs: 10 }),
    ]) {
      const error = (await reasonOf(put)) as ConnectionError;
      expect(error).toBeInstanceOf(ConnectionError);
      expect([error.code, error.executed]).toEqual(["CNR_ERR_CLOSED", "no"]);
    }
    await expect(client.queue().size()).rejects.toThrow(ConnectionError);
  });

  it("the server's own gets end too", async () => {
    const all = world();
    const got = reasonOf(all.server.get("tasks").get());
    all.server.detach(failure("CNR_ERR_CLOSED", { by: "this side" }));
    expect(await got).toMatchObject(CLOSED);
    await expect(all.server.get("tasks").get()).rejects.toMatchObject(CLOSED);
  });
});

describe("when the link is lost", () => {
  it("gets reject with the reason, and puts tell whether the item may be stored", async () => {
    const all = world({ limits: { maxQueueItems: 1 } });
    const client = all.connect();
    await client.queue().put("full");
    const sent = reasonOf(client.queue().put("sent"));
    const questions = reasonOf(client.queue("b").size());
    const got = [client.queue("b").get(), client.queue("b").get({ timeoutMs: 60_000 })].map(reasonOf);
    await turns();
    const unsent = reasonOf(client.queue().put("unsent"));
    const tried = reasonOf(client.queue().tryPut("unsent"));
    client.link.abort(new Error("cut"));
    await turns();
    for (const reason of await Promise.all(got)) {
      expect(reason).toBeInstanceOf(ConnectionError);
      expect(reason).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
    }
    expect(await sent).toMatchObject({ code: "CNR_ERR_LINK_LOST", executed: "unknown" });
    expect(await questions).toBe(0);
    // Written in the very turn in which the link went: they may have left, or not.
    expect(["no", "unknown"]).toContain(((await unsent) as ConnectionError).executed);
    expect(["no", "unknown"]).toContain(((await tried) as ConnectionError).executed);
    await expect(client.queue().put("later")).rejects.toMatchObject({
      code: "CNR_ERR_LINK_LOST",
      executed: "no",
    });
    await expect(client.queue().get()).rejects.toMatchObject({ code: "CNR_ERR_LINK_LOST" });
  });

  it("a put that never left says so", async () => {
    const all = world();
    const client = all.connect();
    await client.queue().put("before");
    const unsent = reasonOf(client.queue().put("unsent"));
    client.session.abort(failure("CNR_ERR_LINK_LOST", { reason: "test" }));
    expect(await unsent).toMatchObject({ code: "CNR_ERR_LINK_LOST", executed: "no" });
    await turns();
    expect(await all.server.get("tasks").size()).toBe(1);
  });

  it("loops reject with the reason", async () => {
    const client = world().connect();
    const loop = reasonOf(
      (async () => {
        for await (const _ of client.queue());
      })(),
    );
    await turns();
    client.kill();
    expect(await loop).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
  });

  it("waits that have a signal or a time-out leave nothing behind", async () => {
    const client = world({ limits: { maxQueueItems: 1 } }).connect();
    const abort = new AbortController();
    const { signal } = abort;
    await client.queue("full").put(1);
    const waits = [
      client.queue().get({ signal, timeoutMs: 50 }),
      client.queue("full").put(2, { signal, timeoutMs: 50 }),
      client.queue().size({ signal, timeoutMs: 50 }),
    ].map(reasonOf);
    client.kill();
    await turns();
    const reasons = await Promise.all(waits);
    abort.abort("too late");
    for (const reason of reasons) expect(reason).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
  });
});

describe("a table", () => {
  it("says before connect that there is no connection", async () => {
    const queue = new QueueTable().get("q");
    for (const promise of [
      queue.put(1),
      queue.tryPut(1),
      queue.get(),
      queue.tryGet(),
      queue.size(),
      queue.close(),
    ]) {
      await expect(promise).rejects.toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
    }
    await expect(queue.put(1)).rejects.toMatchObject({ executed: "no" });
    await expect(queue[Symbol.asyncIterator]().next()).rejects.toThrow(ConnectionError);
  });

  it("goes on with the same queues over the next link", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const queue = a.queue();
    const waiting = reasonOf(queue.get());
    await queue.close();
    expect(await waiting).toMatchObject(CLOSED);
    a.kill();
    await turns();
    await expect(queue.get()).rejects.toThrow(ConnectionError);
    // b's link takes a's tables over.
    a.attach(b.session);
    expect(a.queue()).toBe(queue);
    await a.queue("other").put("again");
    expect(await a.queue("other").get({ timeoutMs: 5000 })).toBe("again");
    await expect(queue.get()).rejects.toMatchObject(CLOSED);
  });

  it("may be attached again to another host: what was closed there is open here", async () => {
    const [one, two] = [world(), world()];
    const table = new QueueTable();
    table.attach(new DirectQueues(one.host, "a"));
    await table.get("q").close();
    await expect(table.get("q").get()).rejects.toMatchObject(CLOSED);
    table.detach(failure("CNR_ERR_CLOSED", { by: "this side" }));
    table.detach(failure("CNR_ERR_CLOSED", { by: "again" }));
    table.attach(new DirectQueues(two.host, "a"));
    await table.get("q").put("open");
    expect(await table.get("q").get()).toBe("open");
    table.detach(failure("CNR_ERR_CLOSED", { by: "this side" }));
  });

  it("makes queues on first use, and forgets them on demand", async () => {
    const all = world();
    const client = all.connect();
    const { globals } = client;
    expect(globals.has("a")).toBe(false);
    const queue = globals.get("a");
    expect(queue.name).toBe("a");
    expect(globals.get("a")).toBe(queue);
    globals.get("__proto__");
    expect(globals.names()).toEqual(["a", "__proto__"]);
    expect(globals.has("a")).toBe(true);
    await queue.put(1);
    expect(globals.delete("a")).toBe(true);
    expect(globals.delete("a")).toBe(false);
    expect(globals.names()).toEqual(["__proto__"]);
    expect(globals.get("a")).not.toBe(queue);
    expect(await globals.get("a").get()).toBe(1);
  });

  it("lets a forgotten queue be used on, its waiting gets included", async () => {
    const all = world();
    const { globals } = all.connect();
    const queue = globals.get("a");
    const waiting = queue.get();
    const limited = queue.get({ timeoutMs: 60_000 });
    await turns();
    globals.delete("a");
    await all.server.get("a").put(1);
    await all.server.get("a").put(2);
    expect(await Promise.all([waiting, limited])).toEqual([1, 2]);
    await queue.put(3, { timeoutMs: 5000 });
    expect(await queue.get({ timeoutMs: 5000 })).toBe(3);
  });

  it("leaves nothing of forgotten queues at the server", async () => {
    const all = world();
    const { globals } = all.connect();
    for (let n = 0; n < 100; n++) {
      const queue = globals.get(`reply-${n}`);
      await queue.put(n);
      expect(await queue.get({ timeoutMs: 5000 })).toBe(n);
      globals.delete(queue.name);
    }
    const last = globals.get("reply-last");
    await last.put(1);
    globals.delete("reply-last");
    await turns();
    expect(all.store.queues()).toEqual(["reply-last"]);
  });
});
