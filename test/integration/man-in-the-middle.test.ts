import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { createServer } from "node:tls";
import { describe, expect, it } from "vitest";
import { CALM, leaveOnly, proxyTo } from "../fixtures/local-ways.ts";
import { errorsOf, newClient, openServer } from "../fixtures/open-ends.ts";
import { fixture, Script } from "../fixtures/programs.ts";
import { atEnd } from "../fixtures/secure-listener.ts";
import { Wiretap } from "../fixtures/wiretap.ts";

const HANG_MS = 30_000;
/** A changed length makes a side wait for what never comes. */
const FAST = { heartbeat: { idleMs: 50, deadMs: 200 } };
const certificate = (name: string): string => fixture(`certificates/${name}.pem`);
/** What the two say to each other; no wire may show it. */
const SECRET = "the-launch-code-is-0000";

describe("a man in the middle", { timeout: HANG_MS }, () => {
  it("who passes all bytes on reads nothing, neither values nor names nor the key", async () => {
    const server = await openServer();
    await using tap = new Wiretap(server.address?.port ?? 0);
    const client = newClient({ name: `client-${SECRET}` });
    await client.connect("127.0.0.1", await tap.listen());
    server.expose({ [SECRET]: (value: unknown) => value });
    expect(await client.callRemote(SECRET, [SECRET])).toBe(SECRET);
    client.globals.vars[SECRET] = SECRET;
    await client.globals.dict.synced();
    await server.clients[0]?.send(SECRET);
    expect(await client.recv()).toBe(SECRET);
    const key = server.inviteUrl().replace(/.*#cnk_/, "");
    for (const seen of [tap.toServer, tap.toClient]) {
      expect(seen.length).toBeGreaterThan(300);
      for (const text of [SECRET, key, "connector\u0001"]) expect(seen.includes(text)).toBe(false);
      expect(seen.includes(Buffer.from(key, "base64url"))).toBe(false);
    }
  });

  it.each(["server", "client"] as const)(
    "who changes one byte to the %s ends the link, and no more",
    async (to) => {
      const server = await openServer(FAST);
      await using tap = new Wiretap(server.address?.port ?? 0);
      const client = newClient(FAST);
      await client.connect("127.0.0.1", await tap.listen());
      const runs: unknown[] = [];
      server.expose({ once: (n: unknown) => runs.push(n) });
      for (let n = 0; n < 5; n++) {
        const reconnecting = new Promise((resolve) => client.on("reconnecting", resolve));
        tap.changeNext(to);
        // Asked while the byte is changed, answered over the next link, run once.
        expect(await client.callRemote("once", [n])).toBe(n + 1);
        await reconnecting;
      }
      expect(runs).toEqual([0, 1, 2, 3, 4]);
      expect(client.stats()?.resumes).toBe(5);
    },
  );

  it("who plays a whole link again, or the handshake of one, is nobody", async () => {
    const server = await openServer();
    const errors = errorsOf(server);
    await using tap = new Wiretap(server.address?.port ?? 0);
    const client = newClient();
    await client.connect("127.0.0.1", await tap.listen());
    server.expose({ pay: () => 1 });
    await client.callRemote("pay", []);
    await client.close();
    for (const said of [tap.toServer, tap.toServer.subarray(0, 600)]) {
      const before = errors.length;
      const socket = connect(server.address?.port ?? 0, "127.0.0.1").on("error", () => {});
      atEnd(() => socket.destroy());
      socket.resume().end(said);
      await once(socket, "close");
      await expect.poll(() => errors.length).toBeGreaterThan(before);
    }
    expect(server.clients.length).toBe(0);
  });

  it("who has a certificate that the client's machine trusts gets no link from a Client, and no word", async () => {
    leaveOnly("TLS");
    const server = await openServer();
    const { proxy, port: honest } = await proxyTo(server, "TLS", CALM);
    await using _ = proxy;
    const heard: string[] = [];
    const impostor = createServer(
      {
        cert: readFileSync(certificate("localhost")),
        key: readFileSync(certificate("localhost-key")),
        ALPNProtocols: ["connector/1"],
      },
      (socket) => {
        socket.on("error", () => {});
        socket.on("data", (bytes) => heard.push(bytes.toString("latin1")));
      },
    );
    impostor.on("tlsClientError", () => {});
    impostor.listen(0, "localhost");
    atEnd(() => impostor.close());
    await once(impostor, "listening");
    const { port } = impostor.address() as AddressInfo;
    const key = server.inviteUrl().replace(/.*#/, "");
    const invitations = [`connector://localhost:${port}#${key}`, `connector://localhost:${honest}#${key}`];
    const client = new Script(fixture("trusting-program.mjs"), [`${port}`, ...invitations], false, {
      NODE_EXTRA_CA_CERTS: certificate("authority"),
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    });
    await client.line(/^web trusted$/);
    await client.line(/^connector CNR_ERR_NO_KEY_PROOF$/);
    await client.line(/^connector connected$/);
    expect([(await client.exit).code, heard]).toEqual([0, []]);
  });
});
