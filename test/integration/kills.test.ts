import { beforeAll, describe, expect, it } from "vitest";
import { Client, ConnectionError, ConnectorError } from "../../src/index.ts";
import { BRIEF, Program, type Room, serve, startPrograms, type World } from "../fixtures/programs.ts";

const FAST = { ...BRIEF, heartbeat: { idleMs: 60, deadMs: 240 } };
/** What a hanging program costs at most, in the worst case on a busy machine; a guard, no measurement. */
const HANG_MS = 30_000;

/** What a server may wait for at a client. */
const SERVER_WAITS: Record<string, (room: Room) => Promise<unknown>> = {
  recv: (room) => room.peer(0).recv(),
  "recv of a named pipe": (room) => room.peer(0).pipes.chat.recv(),
  "get of a local queue": (room) => room.peer(0).get(),
  eval: (room) => room.peer(0).eval("new Promise(() => {})"),
  callRemote: (room) => room.peer(0).callRemote("hang"),
  call: (room) => room.peer(0).call(() => new Promise(() => undefined)),
  "dict.waitFor": (room) => room.peer(0).dict.waitFor("never"),
};

/** What a client may wait for at its server. */
const CLIENT_WAITS: Record<string, (world: World) => Promise<unknown>> = {
  recv: ({ client }) => client.recv(),
  "get of a local queue": ({ client }) => client.get(),
  "get of a global queue": ({ client }) => client.globals.get(),
  "a loop over a queue": async ({ client }) => {
    for await (const _ of client.globals.queues.tasks);
  },
  eval: ({ client }) => client.eval("new Promise(() => {})"),
  callRemote: ({ client }) => client.callRemote("hang"),
  call: ({ client }) => client.call(() => new Promise(() => undefined)),
  modify: async ({ client }) => {
    for (;;) await client.globals.dict.modify("x", (x = 0) => x + 1);
  },
  "modify with a slow function": ({ client }) =>
    client.globals.dict.modify("x", () => new Promise<never>(() => undefined)),
  increments: async ({ client }) => {
    for (;;) await client.globals.dict.increment("x");
  },
  "dict.waitFor": ({ client }) => client.globals.dict.waitFor("never"),
  puts: async ({ client }) => {
    for (;;) await client.globals.queues.puts.put("x");
  },
  sends: async ({ client }) => {
    for (;;) await client.send(new Uint8Array(10_000));
  },
};

/** How each wait ends: with which class and code, and for calls whether they may have run. */
async function endings(waits: Record<string, Promise<unknown>>): Promise<Record<string, unknown>> {
  const entries = Object.entries(waits).map(async ([name, wait]) => {
    const error = await wait.then(
      () => "it resolved",
      (reason: unknown) => reason,
    );
    return [name, error instanceof ConnectionError ? `${error.code}: ${rootOf(error)}` : error] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Why the link was lost that nothing has replaced. */
function rootOf(error: ConnectionError): unknown {
  let { cause } = error;
  while (cause instanceof ConnectionError && cause.code === "CNR_ERR_SESSION_LOST") cause = cause.cause;
  return cause instanceof ConnectionError ? cause.code : cause;
}

function allWith(names: object, ending: string): Record<string, string> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, ending]));
}

const FATES = [
  ["killed", "SIGKILL", "CNR_ERR_LINK_LOST"],
  ["stopped", "SIGSTOP", "CNR_ERR_HEARTBEAT"],
] as const;

describe.each(FATES)("a program that is %s", { timeout: HANG_MS }, (_, signal, code) => {
  let other: Program;
  beforeAll(async () => {
    [other] = (await startPrograms(1)) as [Program];
  });

  it("as a client: all that its server waits for ends with a named error, and nobody else is disturbed", async () => {
    const victim = new Program();
    await using room = await serve([victim, other], FAST);
    await victim.run(({ client }) => client.expose({ hang: () => new Promise(() => undefined) }));
    const gone: string[] = [];
    room.server.on("disconnect", (_address, peer) => gone.push(peer.id));
    const peer = room.peer(0);
    const waits = Object.fromEntries(Object.entries(SERVER_WAITS).map(([name, wait]) => [name, wait(room)]));
    const ended = endings(waits);
    expect(await peer.eval("'it has heard of all'")).toBe("it has heard of all");
    victim.child.kill(signal);
    expect(await ended).toEqual(allWith(waits, `CNR_ERR_SESSION_LOST: ${code}`));
    await expect.poll(() => gone).toEqual([peer.id]);
    expect(await waits["eval"]?.catch((error: ConnectionError) => error.executed)).toBe("unknown");
    expect(await other.run(({ client }) => client.eval("6 * 7"))).toBe(42);
    expect(room.server.clients.length).toBe(1);
    await victim.kill();
  });

  it("as a server: all that its client waits for ends with a named error", async () => {
    const victim = new Program();
    const url = await victim.run(async (world) => {
      world.server = new world.connector.Server({ host: "127.0.0.1" });
      world.server.expose({ hang: () => new Promise(() => undefined) });
      await world.server.listen();
      return world.server.url;
    });
    await using client = new Client(FAST);
    await client.connect(url ?? "");
    const waits = Object.fromEntries(
      Object.entries(CLIENT_WAITS).map(([name, wait]) => [name, wait({ client } as World)]),
    );
    const ended = endings(waits);
    expect(await client.eval("'it has heard of all'")).toBe("it has heard of all");
    victim.child.kill(signal);
    expect(await ended).toEqual(allWith(waits, `CNR_ERR_SESSION_LOST: ${code}`));
    expect(await waits["eval"]?.catch((error: ConnectionError) => error.executed)).toBe("unknown");
    expect([client.state, client.globals.dict.stale]).toEqual(["closed", true]);
    await expect(client.send(1)).rejects.toBeInstanceOf(ConnectionError);
    await victim.kill();
  });
});

describe("a program whose event loop never comes back", { timeout: HANG_MS }, () => {
  it("is given up by the heartbeat, on either side", async () => {
    const victim = new Program();
    await using room = await serve([victim], FAST);
    const hung = await room.peer(0).eval("for (;;);").exception();
    expect(hung).toMatchObject({
      name: "ConnectionError",
      code: "CNR_ERR_SESSION_LOST",
      executed: "unknown",
    });
    expect(rootOf(hung as ConnectionError)).toBe("CNR_ERR_HEARTBEAT");
    await expect.poll(() => room.server.clients.length).toBe(0);
    await victim.kill();
  });
});

describe("a program killed while a client connects", { timeout: HANG_MS }, () => {
  it("as the server: connect() rejects with a named error", async () => {
    const victim = new Program();
    const url = await victim.run(async (world) => {
      world.server = new world.connector.Server({ host: "127.0.0.1" });
      await world.server.listen();
      return world.server.url;
    });
    victim.child.kill("SIGSTOP");
    const client = new Client();
    const connecting = client.connect(url ?? "").catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await victim.kill();
    const error = await connecting;
    expect(error).toBeInstanceOf(ConnectorError);
    expect((error as ConnectorError).code).toMatch(
      /^CNR_ERR_(LINK_LOST|HANDSHAKE_REFUSED|NOT_CONNECTOR|REFUSED|UNREACHABLE)$/,
    );
    expect(client.state).toBe("closed");
    await client.close();
  });

  it("as a client: the server goes on, and nobody appears in its list for long", async () => {
    const [other] = (await startPrograms(1)) as [Program];
    await using room = await serve([other], BRIEF);
    const met = new Set<string>();
    room.server.on("connect", (peer) => met.add(peer.id));
    for (let n = 0; n < 5; n++) {
      const victim = new Program();
      await victim.run(() => undefined);
      void victim.connect(room.server.url).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, n * 2));
      await victim.kill();
    }
    await expect.poll(() => room.server.clients.length).toBe(1);
    expect(await other.run(({ client }) => client.eval("'undisturbed'"))).toBe("undisturbed");
  });

  it("says whether a call may have run", async () => {
    const [victim] = (await startPrograms(1)) as [Program];
    await using room = await serve([victim], BRIEF);
    const peer = room.peer(0);
    const sent = peer.eval("new Promise(() => {})");
    expect(await peer.eval("'behind it'")).toBe("behind it");
    await victim.kill();
    expect(await sent.exception()).toMatchObject({ name: "ConnectionError", executed: "unknown" });
    expect(await peer.eval("1").exception()).toMatchObject({ name: "ConnectionError", executed: "no" });
  });
});

describe("healthy programs", { timeout: HANG_MS }, () => {
  it("survive a blocked event loop of their own, however long it is against the heartbeat", async () => {
    const [busy] = (await startPrograms(1)) as [Program];
    await using room = await serve([]);
    await busy.connect(room.server.url, FAST);
    await busy.run(() => {
      const until = Date.now() + 700;
      while (Date.now() < until);
    });
    expect(await busy.run(({ client }) => client.eval("'still linked'"))).toBe("still linked");
  });

  it("stay linked in idle times longer than the heartbeat", async () => {
    const [idle] = (await startPrograms(1)) as [Program];
    await using room = await serve([], FAST);
    await room.add(idle, FAST);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect([room.peer(0).state, await idle.run(({ client }) => client.state)]).toEqual(["open", "open"]);
  });
});
