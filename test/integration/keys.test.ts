import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Key } from "../../src/index.ts";
import { CALM, leaveOnly, proxyTo, WAYS, wayOf } from "../fixtures/local-ways.ts";
import { errorsOf, newClient, openServer, programElsewhere } from "../fixtures/open-ends.ts";
import { Program } from "../fixtures/programs.ts";
import { atEnd } from "../fixtures/secure-listener.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const HANG_MS = 30_000;

const keyFile = (): string => join(process.env["XDG_CONFIG_HOME"] ?? "", "connector", "key");

describe("on one machine, with nobody typing anything", { timeout: HANG_MS }, () => {
  it.each(WAYS)("a server and a client have one key, by %s, and may do all", async (way) => {
    leaveOnly(way);
    const server = await openServer();
    const client = newClient();
    await client.connect(server.url ?? "");
    const [peer] = server.clients;
    expect([peer?.keyName, peer && wayOf(peer), wayOf(client)]).toEqual(["main", way, way]);
    expect(await client.eval("6 * 7")).toBe(42);
    expect(await peer?.eval("6 * 7")).toBe(42);
    expect([statSync(keyFile()).mode & 0o777, readFileSync(keyFile(), "utf8")]).toEqual([
      0o600,
      expect.stringMatching(/^cnk_[\w-]{43}\n$/),
    ]);
  });

  it("many programs agree on the key that one of them makes, the clients before the server", async () => {
    const home = temporaryFolder();
    const env = { XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home };
    const programs = Array.from({ length: 4 }, () => new Program(env));
    for (const program of programs) atEnd(() => program.kill());
    const [host, ...guests] = programs as [Program, ...Program[]];
    // Nobody listens yet, and yet the key is made.
    await Promise.allSettled(guests.map((guest) => guest.connect("127.0.0.1:1")));
    const url = await host.run(async (world) => {
      world.server = new world.connector.Server({ host: "127.0.0.1" });
      await world.server.listen();
      return world.server.url;
    });
    await Promise.all(guests.map((guest) => guest.connect(url)));
    expect(await host.run(({ server }) => server.clients.map((peer) => peer.keyName))).toEqual([
      "main",
      "main",
      "main",
    ]);
  });
});

describe("from another home", { timeout: HANG_MS }, () => {
  it("the invitation is all that is needed", async () => {
    const server = await openServer();
    const guest = programElsewhere();
    const { id } = await guest.connect(server.inviteUrl());
    expect([server.clients.get(id)?.keyName, await guest.run(({ client }) => client.eval("1 + 1"))]).toEqual([
      "main",
      2,
    ]);
  });

  it("the URL alone is not: the error says what to copy where", async () => {
    const server = await openServer();
    const guest = programElsewhere();
    await expect(guest.connect(server.url)).rejects.toMatchObject({
      name: "AuthenticationError",
      code: "CNR_ERR_UNKNOWN_KEY",
      message: expect.stringMatching(/copy the server's key to the client/),
    });
  });

  it("who was invited comes back by itself when its link was lost", async () => {
    const server = await openServer();
    const guest = programElsewhere();
    const { proxy, port } = await proxyTo(server, "TLS", CALM);
    atEnd(() => proxy[Symbol.asyncDispose]());
    const { id } = await guest.connect(server.inviteUrl().replace(/:\d+/, `:${port}`));
    const peer = server.clients.get(id);
    proxy.refuse();
    await expect.poll(() => peer?.state).toBe("reconnecting");
    proxy.accept();
    expect(await guest.run(({ client }) => client.eval("'still here'"))).toBe("still here");
    expect([server.clients.get(id) === peer, peer?.stats().resumes]).toEqual([true, 1]);
  });
});

describe("keys with names", { timeout: HANG_MS }, () => {
  const [sensor, worker] = [Key.generate(), Key.generate()];

  it.each(WAYS)("say who has come, and what each may do, by %s", async (way) => {
    leaveOnly(way);
    const server = await openServer({
      keys: {
        sensor: { key: sensor, allow: { data: true } },
        worker: { key: worker.reveal(), allow: { data: true, call: true, code: true } },
      },
    });
    server.expose({ double: (n: number) => n * 2 });
    const clients = [newClient({ key: sensor }), newClient({ key: worker.reveal() }), newClient()];
    for (const client of clients) await client.connect(server.url ?? "");
    expect(server.clients.map((peer) => [peer.keyName, wayOf(peer)])).toEqual([
      ["sensor", way],
      ["worker", way],
      ["main", way],
    ]);
    const outcome = (promise: Promise<unknown>): Promise<unknown> =>
      promise.catch((error) => `${error.code} ${error.details.grant}`);
    const may = await Promise.all(
      clients.map(async (client, n) => {
        client.globals.dict.set(`from ${n}`, n);
        return [await outcome(client.callRemote("double", [n])), await outcome(client.eval("1"))];
      }),
    );
    expect(may).toEqual([
      ["CNR_ERR_NOT_ALLOWED call", "CNR_ERR_NOT_ALLOWED code"],
      [2, 1],
      [4, 1],
    ]);
    expect({ ...server.vars }).toEqual({ "from 0": 0, "from 1": 1, "from 2": 2 });
  });

  it("are never granted more than the server grants to anybody", async () => {
    const server = await openServer({
      allow: { code: false },
      keys: { worker: { key: worker, allow: { data: true, code: true } } },
    });
    const client = newClient({ key: worker });
    await client.connect(server.url ?? "");
    await expect(client.eval("1")).rejects.toMatchObject({ details: { grant: "code" } });
  });

  it("may be given to an invitation of one's own making: the URL with the key behind #", async () => {
    const server = await openServer({ keys: { sensor: { key: sensor } } });
    const guest = programElsewhere();
    const { id } = await guest.connect(`${server.url}#${sensor.reveal()}`);
    expect(server.clients.get(id)?.keyName).toBe("sensor");
  });
});

describe("the key of a server and its clients", { timeout: HANG_MS }, () => {
  it("shows nowhere but in the invitation", async () => {
    const server = await openServer();
    const secret = readFileSync(keyFile(), "utf8").trim().slice(4);
    expect(server.inviteUrl()).toBe(`${server.url}#cnk_${secret}`);
    const client = newClient();
    await client.connect(server.inviteUrl());
    const wrong = newClient({ key: Key.generate() });
    const errors: unknown[] = errorsOf(server);
    errors.push(await wrong.connect(server.inviteUrl().replace(/#.*/, "")).catch((error: unknown) => error));
    await expect.poll(() => errors.length).toBe(2);
    const shown = [server.url, server, server.keys, server.clients[0], client, server.address, ...errors].map(
      (each) => inspect(each, { depth: 20, showHidden: true, getters: true, maxStringLength: null }),
    );
    for (const text of [...shown, JSON.stringify(errors)]) {
      for (let at = 0; at + 8 <= secret.length; at++) expect(text).not.toContain(secret.slice(at, at + 8));
    }
  });

  it("is in no list of processes, whoever was invited", async () => {
    const server = await openServer();
    const guest = programElsewhere();
    await guest.connect(server.inviteUrl());
    const secret = server.inviteUrl().replace(/.*#cnk_/, "");
    const listed = execFileSync("ps", ["-ww", "-o", "pid,comm,args", "-p", `${guest.pid},${process.pid}`], {
      encoding: "utf8",
    });
    expect(listed).toContain("obedient-program.mjs");
    expect(listed).not.toContain(secret);
    const title = await guest.run(() =>
      [process.title, ...process.argv, JSON.stringify(process.env)].join(" "),
    );
    expect(title).not.toContain(secret);
  });
});
