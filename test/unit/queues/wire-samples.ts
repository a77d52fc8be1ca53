import { withLimits } from "../../../src/core/limits.ts";
import { HEADER_BYTES } from "../../../src/protocol/frame.ts";
import { denyQueues } from "../../../src/queues/denied-queues.ts";
import { QueueHost } from "../../../src/queues/queue-host.ts";
import { serveQueues } from "../../../src/queues/queue-host-link.ts";
import { QueueTable } from "../../../src/queues/queue-table.ts";
import { RemoteQueues } from "../../../src/queues/remote-queues.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { ScriptedLink } from "../session/scripted-link.ts";
import { sessionOver } from "../session/session-pair.ts";

/** What each message about queues puts on the wire, without its frame: a client and a server that talk to each other. */
export async function queueSamples(): Promise<Record<string, string>> {
  const samples: Record<string, string> = {};
  const [near, far] = [new ScriptedLink(), new ScriptedLink()];
  const [client, server] = [sessionOver(near), sessionOver(far)];
  const host = new QueueHost(new MemoryStore(), withLimits({ maxQueueItems: 2 }));
  serveQueues(server, { local: () => host, global: host });
  const remote = new RemoteQueues(client);
  const table = new QueueTable();
  table.attach(remote.global);
  const locals = new QueueTable();
  locals.attach(remote.local);

  const carry = async (
    name: string,
    side: string,
    from: ScriptedLink,
    to: ScriptedLink,
  ): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve));
    const written = Buffer.concat(from.writes.splice(0).flat());
    if (written.length === 0) return false;
    samples[`${name}: ${side}`] = written.subarray(HEADER_BYTES).toString("hex");
    to.handler?.data(new Uint8Array(written));
    return true;
  };
  /** Takes down what each side says, until both are silent. */
  const exchange = async (name: string): Promise<void> => {
    const asked = await carry(name, "client", near, far);
    const answered = await carry(name, "server", far, near);
    if (asked || answered) await exchange(`${name}, then`);
  };
  const ignore = (): void => {};
  const queue = table.get("task");

  void queue.put({ id: 1 });
  await exchange("put");
  void queue.put("x", { id: "one", delayMs: 250, priority: -3 });
  await exchange("put with options");
  void queue.put("x".repeat(300), { timeoutMs: 60_000 }).catch(ignore);
  void queue.tryPut(true);
  await exchange("put and tryPut into a full queue");
  const abort = new AbortController();
  void queue.put(5, { signal: abort.signal }).catch(ignore);
  await exchange("put that waits");
  abort.abort();
  await exchange("put that is given up");
  for (let n = 0; n < 3; n++) void queue.get().catch(ignore);
  await exchange("three gets");
  void queue.size();
  void queue.clear();
  await exchange("questions");
  const given = new AbortController();
  void queue.get({ signal: given.signal }).catch(ignore);
  await exchange("get with a signal");
  given.abort();
  await exchange("get that is given up");
  void locals.get("mine").tryGet();
  await exchange("tryGet from a local queue");
  const late = new AbortController();
  void locals.get("late").get({ signal: late.signal }).catch(ignore);
  await exchange("another get with a signal");
  void locals.get("late").put("late");
  await carry("item that comes too late", "client", near, far);
  late.abort();
  await exchange("item that comes too late, then");
  locals.delete("mine");
  await exchange("forget");
  void locals.get("closed").close();
  void locals.get("closed").get().catch(ignore);
  await exchange("close and get");
  table.detach(undefined);
  await client.close();
  await server.close();
  return { ...samples, "get that is not allowed: server": await deniedGet() };
}

/** What a client without the grant `data` is told of its get. */
async function deniedGet(): Promise<string> {
  const [near, far] = [new ScriptedLink(), new ScriptedLink()];
  const [client, server] = [sessionOver(near), sessionOver(far)];
  denyQueues(server);
  const table = new QueueTable();
  table.attach(new RemoteQueues(client).global);
  table
    .get("task")
    .get()
    .catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  far.handler?.data(new Uint8Array(Buffer.concat(near.writes.splice(0).flat())));
  const told = Buffer.concat(far.writes.splice(0).flat()).subarray(HEADER_BYTES).toString("hex");
  table.detach(undefined);
  await client.close();
  await server.close();
  return told;
}
