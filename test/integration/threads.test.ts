import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { Client, type ConnectorError, type Peer, Server, type ServerOptions } from "../../src/index.ts";
import { fixture, Script } from "../fixtures/programs.ts";
import { atEnd, refusalOf } from "../fixtures/secure-listener.ts";

/** A server that never listens, and a thread with clients of it. */
interface Threaded {
  readonly server: Server;
  readonly worker: Worker;
  readonly peer: Peer;
  /** What the thread's program has posted. Whoever listens sees the openings of links, too. */
  readonly posted: unknown[];
  readonly events: string[];
}

function startThread(name = "thread-client.mjs", workerData: object = {}): Worker {
  const worker = new Worker(fixture(name), {
    workerData,
    transferList: Object.values(workerData).filter((value) => typeof value === "object"),
  });
  atEnd(() => worker.terminate());
  worker.on("error", () => {});
  return worker;
}

async function threaded(count = 1, options: ServerOptions = {}): Promise<Threaded> {
  const server = new Server(options);
  atEnd(() => server.close());
  const events: string[] = [];
  server.on("disconnect", (_address, peer, { code }) => void events.push(`${peer.name} ${code}`));
  const worker = startThread("thread-client.mjs", { count });
  const posted: unknown[] = [];
  worker.on("message", (message) => {
    if (typeof message === "string") posted.push(message);
  });
  server.accept(worker);
  await server.clients.waitFor(count);
  return { server, worker, peer: server.clients[0] as Peer, posted, events };
}

function endOf(peer: Peer): Promise<ConnectorError> {
  return new Promise(
    (resolve) => void peer.server.on("disconnect", (_address, _peer, error) => resolve(error)),
  );
}

describe("a server and the threads of its program", { timeout: 20_000 }, () => {
  it("share variables, queues, pipes and calls, without a port or a key", async () => {
    const { server, peer } = await threaded(1, { key: false });
    expect([server.address, server.url, server.isClosed]).toEqual([null, null, false]);
    expect([peer.name, peer.keyName, peer.address?.host]).toEqual(["thread-1", undefined, "thread"]);

    expect(await peer.remote.upper("hi")).toBe("HI");
    server.expose({ add: (a: number, b: number) => a + b });
    expect(await peer.remote.ask("add", 2, 3)).toBe(5);

    server.vars.x = { from: "main" };
    expect(await peer.eval("client.globals.vars.x")).toEqual({ from: "main" });
    await peer.exec("client.globals.vars.y = 7; await client.globals.dict.synced()");
    expect(server.vars.y).toBe(7);

    for (const n of [1, 2, 3]) void server.queues.task.put(n);
    expect(await peer.remote.take(3)).toEqual([1, 2, 3]);

    const echoed = peer.remote.echo(2);
    for (const message of ["a", new Uint8Array(3_000_000).fill(7)]) await peer.send(message);
    expect(await peer.recv()).toBe("a");
    const bytes = (await peer.recv()) as Uint8Array;
    expect([bytes.length, bytes.every((byte) => byte === 7)]).toEqual([3_000_000, true]);
    await echoed;
  });

  it("may do what the server's grants say, as over any link", async () => {
    const { peer } = await threaded(1, { allow: { call: false } });
    peer.server.expose({ add: (a: number, b: number) => a + b });
    expect((await refusalOf(peer.remote.ask("add", 1, 2))).code).toBe("CNR_ERR_NOT_ALLOWED");
  });

  it("are several clients over one port, each with a peer, a name and an address of its own", async () => {
    const { server, worker } = await threaded(3);
    expect(server.clients.map(({ name }) => name).sort()).toEqual(["thread-1", "thread-2", "thread-3"]);
    expect(new Set(server.clients.addresses()).size).toBe(3);
    expect(await Promise.all(server.clients.map((peer) => peer.remote.upper(peer.name)))).toEqual(
      server.clients.map(({ name }) => name.toUpperCase()),
    );
    await server.clients.named("thread-2")?.close();
    expect(server.clients.map(({ name }) => name).sort()).toEqual(["thread-1", "thread-3"]);
    expect(await server.clients[0]?.remote.upper("still here")).toBe("STILL HERE");
    await worker.terminate();
    await expect.poll(() => server.clients.length).toBe(0);
  });

  it("stand beside clients that come over the network", async () => {
    const { server, peer } = await threaded();
    await server.listen();
    const client = new Client();
    atEnd(() => client.close());
    await client.connect(server.inviteUrl());
    await client.globals.queues.task.put("from a socket");
    expect(await peer.remote.take(1)).toEqual(["from a socket"]);
    expect(server.clients).toHaveLength(2);
  });

  it("end in order when the server closes: the thread hears it, and nothing keeps it running", async () => {
    const { server, worker, posted, events } = await threaded(2);
    const exit = once(worker, "exit");
    await server.close();
    expect([server.isClosed, server.clients.length]).toEqual([true, 0]);
    expect(events).toEqual(["thread-1 CNR_ERR_CLOSED", "thread-2 CNR_ERR_CLOSED"]);
    expect(await exit).toEqual([0]);
    expect(posted).toEqual(["disconnect CNR_ERR_CLOSED", "disconnect CNR_ERR_CLOSED"]);
  });

  it("end in order when the peer or the client closes", async () => {
    for (const close of [(peer: Peer) => peer.close(), (peer: Peer) => peer.remote.closeSoon()]) {
      const { worker, peer, posted } = await threaded();
      const [reason, exit] = [endOf(peer), once(worker, "exit")];
      await close(peer);
      expect((await reason).code).toBe("CNR_ERR_CLOSED");
      expect(await exit).toEqual([0]);
      expect(posted).toEqual(["disconnect CNR_ERR_CLOSED"]);
    }
  });

  it("are taken again after close(), by accept() alone", async () => {
    const { server, worker } = await threaded();
    const exit = once(worker, "exit");
    const closing = server.close();
    const second = startThread();
    server.accept(second);
    await Promise.all([closing, exit]);
    await server.clients.waitFor(1);
    expect([server.isClosed, await server.clients[0]?.remote.upper("again")]).toEqual([false, "AGAIN"]);
    void server.queues.task.put("open again");
    expect(await server.queues.task.get()).toBe("open again");
  });

  it("holdOn() waits for close() of a server that only takes threads", async () => {
    const { server, peer } = await threaded();
    let isOver = false;
    const held = server.holdOn().then(() => {
      isOver = true;
    });
    await peer.remote.upper("some time passes");
    expect(isOver).toBe(false);
    await server.close();
    await held;
  });
});

// None of them waits for the 60 s in which a client over a network may come back: the time-out of the tests is less.
describe("the session of a thread that has ended", { timeout: 20_000 }, () => {
  it.each<[string, (peer: Peer, worker: Worker) => unknown]>([
    ["exits", (peer) => peer.remote.exit()],
    ["throws", (peer) => peer.remote.throwSoon()],
    ["is terminated", (_, worker) => worker.terminate()],
    [
      "is terminated in an endless loop",
      (peer, worker) => {
        void peer.remote.spin();
        return worker.terminate();
      },
    ],
  ])("ends at once when it %s, with an error that says so, and calls end with it", async (_, end) => {
    const { server, worker, peer, events } = await threaded(2);
    const hanging = refusalOf(peer.remote.hang());
    const receiving = refusalOf(peer.recv());
    void Promise.resolve(end(peer, worker)).catch(() => {});
    for (const error of await Promise.all([hanging, receiving])) {
      expect([error.code, error.message]).toEqual([
        "CNR_ERR_SESSION_LOST",
        expect.stringContaining("the client's thread has ended"),
      ]);
    }
    await expect
      .poll(() => events.toSorted())
      .toEqual(["thread-1 CNR_ERR_SESSION_LOST", "thread-2 CNR_ERR_SESSION_LOST"]);
    expect(server.clients).toHaveLength(0);
    // The server is none the worse for it.
    server.accept(startThread());
    await server.clients.waitFor(1);
    expect(await server.clients[0]?.remote.upper("next")).toBe("NEXT");
  });

  it("still delivers what the thread has sent before its end", async () => {
    const { peer } = await threaded();
    void peer.remote.sayAndExit();
    expect(await peer.recv()).toBe("last words");
    expect((await refusalOf(peer.recv())).code).toBe("CNR_ERR_SESSION_LOST");
  });

  it("gives back the item that it had not been given", async () => {
    const { server, worker, peer } = await threaded();
    const taking = refusalOf(peer.remote.take(1));
    await worker.terminate();
    expect((await taking).code).toBe("CNR_ERR_SESSION_LOST");
    await server.queues.task.put("for whoever is there");
    expect(await server.queues.task.get()).toBe("for whoever is there");
  });

  it("ends with its link once its port has closed, and not before", async () => {
    const { port1, port2 } = new MessageChannel();
    const server = new Server();
    atEnd(() => server.close());
    server.accept(port1);
    const worker = startThread("thread-client.mjs", { port: port2 });
    await server.clients.waitFor(1);
    const [peer] = server.clients;
    port1.close();
    expect(await peer?.remote.upper("the link lives on")).toBe("THE LINK LIVES ON");
    await worker.terminate();
    await expect.poll(() => server.clients.length).toBe(0);
  });

  it("is not waited for where its port is accepted no more", async () => {
    const server = new Server();
    atEnd(() => server.close());
    const worker = startThread();
    const accepting = server.accept(worker);
    await server.clients.waitFor(1);
    const reason = endOf(server.clients[0] as Peer);
    accepting[Symbol.dispose]();
    expect(await server.clients[0]?.remote.upper("still linked")).toBe("STILL LINKED");
    await worker.terminate();
    expect((await reason).code).toBe("CNR_ERR_SESSION_LOST");
  });
});

describe("a client of a server in a thread", { timeout: 20_000 }, () => {
  async function client(): Promise<{ client: Client; worker: Worker }> {
    const { port1, port2 } = new MessageChannel();
    const worker = startThread("thread-server.mjs", { port: port2 });
    const client = new Client();
    atEnd(() => port1.close());
    atEnd(() => client.close());
    await client.connect(port1);
    return { client, worker };
  }

  it("connects by a port, sees its variables, and closes", async () => {
    const { client: own } = await client();
    expect(own.globals.vars.greeting).toBe("hello from a thread");
    expect(String(own.serverAddress)).toMatch(/^thread:\d+$/);
    await own.close();
    expect(own.state).toBe("closed");
  });

  it.each(["exit", "terminate"])(
    "does not go on looking for a server whose thread has ended by %s",
    async (how) => {
      const { client: own, worker } = await client();
      const hanging = refusalOf(own.remote.hang());
      const end = new Promise<ConnectorError>((resolve) => void own.on("disconnect", resolve));
      if (how === "exit") own.remote.exit().catch(() => {});
      else await worker.terminate();
      expect((await end).code).toBe("CNR_ERR_SESSION_LOST");
      expect((await hanging).code).toBe("CNR_ERR_SESSION_LOST");
      expect(own.state).toBe("closed");
    },
  );
});

describe("a program with threads", { timeout: 20_000 }, () => {
  it("exits by itself when all is closed, also after a thread was terminated", async () => {
    const program = new Script(fixture("threaded-program.mjs"));
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect([program.lines, program.errors]).toEqual([["one terminated", "closed"], ""]);
  });
});
