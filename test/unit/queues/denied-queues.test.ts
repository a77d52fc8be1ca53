import { afterEach, describe, expect, it } from "vitest";
import { withLimits } from "../../../src/core/limits.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { readQueueOpen } from "../../../src/protocol/queue-messages.ts";
import { denyQueues } from "../../../src/queues/denied-queues.ts";
import { QueueHost } from "../../../src/queues/queue-host.ts";
import { serveQueues } from "../../../src/queues/queue-host-link.ts";
import { QueueTable } from "../../../src/queues/queue-table.ts";
import { RemoteQueues } from "../../../src/queues/remote-queues.ts";
import type { Session } from "../../../src/session/session.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { OpenSessions, turns } from "../session/session-pair.ts";
import { outcomeOf } from "./queue-world.ts";
import { write, writeOpen, writePut, writeUints } from "./raw-messages.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

const REFUSAL = expect.objectContaining({ name: "PermissionError", code: "CNR_ERR_NOT_ALLOWED" }) as Error;

function denied(): { client: Session; server: Session; table: QueueTable } {
  const [server, client] = sessions.pair();
  denyQueues(server);
  const table = new QueueTable();
  table.attach(new RemoteQueues(client).global);
  return { client, server, table };
}

describe("a client that may use no queue", () => {
  it("has all that it asks refused, by its own number each", async () => {
    const { table, client, server } = denied();
    const queue = table.get("tasks");
    const asked = [
      queue.put(1),
      queue.size(),
      queue.tryPut("x".repeat(100_000)),
      queue.put(2, { id: "x", delayMs: 5, priority: 2 }),
      queue.get(),
      queue.close(),
      queue.clear(),
      queue.tryGet(),
    ];
    for (const each of asked) await expect(each).rejects.toThrow(REFUSAL);
    expect([client.ended, server.ended]).toEqual([undefined, undefined]);
  });

  it("has gets that it gives up refused once, and their places used again", async () => {
    const { table, client } = denied();
    const queue = table.get("tasks");
    for (let round = 0; round < 20; round++) {
      const abort = new AbortController();
      const given = outcomeOf(queue.get({ signal: abort.signal }));
      const kept = outcomeOf(queue.get({ timeoutMs: 60_000 }));
      abort.abort(new Error("given up"));
      await turns();
      expect(given.error).toMatchObject({ message: "given up" });
      expect(kept.error).toEqual(REFUSAL);
    }
    expect(client.ended).toBeUndefined();
  });

  it("has its places used again: as many refused gets as it likes open no more of them", async () => {
    const { table, server } = denied();
    let opened = 0;
    server.handle({
      [MessageType.queueOpen]: (reader) => {
        opened++;
        readQueueOpen(reader);
      },
    });
    for (let round = 0; round < 30; round++) {
      await expect(table.get("tasks").get({ timeoutMs: 60_000 })).rejects.toThrow(REFUSAL);
      await expect(table.get("tasks").tryGet()).rejects.toThrow(REFUSAL);
    }
    expect(opened).toBeLessThan(4);
  });

  it("names the queue in the error of a get", async () => {
    const { table } = denied();
    await expect(table.get("tasks").get()).rejects.toThrow('"tasks"');
  });

  it("has nothing kept of what it opens, and is cut off for an item that it was never handed", async () => {
    const { client, server } = denied();
    for (let handle = 1; handle <= 70_000; handle++) writeOpen(client, handle, "q");
    writePut(client, 99, new Uint8Array([1]));
    writeUints(client, MessageType.queueForget, 4);
    writeUints(client, MessageType.queueWithdraw, 4);
    writeUints(client, MessageType.queueCancel, 4);
    await turns(30);
    // The client's side did not ask for the refusal of that put.
    expect(client.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    const another = denied();
    writeUints(another.client, MessageType.queueAcknowledge, 1, 1);
    await turns();
    expect(another.server.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    expect(server.ended).toBeDefined();
  });
});

describe("a client that may bring no code", () => {
  function restricted(): { client: Session; server: Session; table: QueueTable; host: QueueHost } {
    const [server, client] = sessions.pair();
    const host = new QueueHost(new MemoryStore(), withLimits());
    serveQueues(server, { local: () => host, global: host, mayBringCode: false });
    const table = new QueueTable({
      write: (writer, fn) => writer.string(fn.name),
      read: () => () => undefined,
    });
    table.attach(new RemoteQueues(client).global);
    return { client, server, table, host };
  }

  it("has items with functions refused, among others that are stored in their order", async () => {
    const { table, host } = restricted();
    const queue = table.get("tasks");
    const puts = [1, () => 1, 2, { deep: [() => 1] }, 3].map((value) => queue.put(value));
    const outcomes = await Promise.allSettled(puts);
    expect(outcomes.map(({ status }) => status === "fulfilled")).toEqual([true, false, true, false, true]);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason).toEqual(REFUSAL);
    expect(host.size("tasks")).toBe(3);
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual([1, 2, 3]);
  });

  it("has an item refused that is no value", async () => {
    const { client, server, host } = restricted();
    const refused: unknown[] = [];
    client.handle({
      [MessageType.queueRefused]: (reader) => void refused.push(reader.uint(), client.decoder.decode(reader)),
    });
    writeOpen(client, 1, "tasks");
    writePut(client, 1, Uint8Array.from([0xc1, 0x7f]));
    await turns();
    expect(refused).toEqual([1, expect.objectContaining({ code: "CNR_ERR_UNDECODABLE" })]);
    expect(host.size("tasks")).toBe(0);
    expect(server.ended).toBeUndefined();
  });

  it("still loses its link for what is no put", async () => {
    const { client, server } = restricted();
    writeOpen(client, 1, "tasks");
    write(client, MessageType.queuePut, (writer) => writer.uint(1));
    await turns();
    expect(server.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
  });
});
