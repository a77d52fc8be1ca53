import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AuthenticationError } from "../../../src/core/errors.ts";
import type { LinkKey } from "../../../src/transport/link-key.ts";
import { secureDialer } from "../../../src/transport/node/secure.ts";
import { encodeOpening } from "../../../src/transport/node/unix-proof.ts";
import { isThisMachine, networkName } from "../../../src/transport/node/unix-socket.ts";
import type { Link } from "../../../src/transport/transport.ts";
import { newLinkKey } from "../../fixtures/link-keys.ts";
import {
  atEnd,
  echo,
  type Gate,
  type GateOptions,
  heardBy,
  openGate,
  refusalOf,
} from "../../fixtures/secure-listener.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";

const key = newLinkKey();

interface Local {
  readonly gate: Gate;
  readonly folder: string;
  readonly path: string;
  dial(by?: LinkKey, host?: string): Promise<Link>;
}

async function local(
  keys: Record<string, LinkKey> = { main: key },
  options: GateOptions = {},
): Promise<Local> {
  const folder = temporaryFolder();
  const gate = await openGate(keys, { runFolder: folder, ...options });
  return {
    gate,
    folder,
    path: join(folder, `${gate.port}.sock`),
    dial: async (by = key, host = "127.0.0.1") => {
      const link = await secureDialer(by, { runFolder: folder }).dial(host, gate.port);
      atEnd(() => link.abort());
      return link;
    },
  };
}

const isLocal = (link: Link): boolean => link.localAddress.port > 65_535;

/** Somebody who talks to the socket without being a client. */
async function caller(path: string, say?: Uint8Array | string): Promise<Socket> {
  const socket = connect(path);
  socket.on("error", () => {});
  atEnd(() => socket.destroy());
  if (say !== undefined) socket.write(say);
  return socket;
}

/** Somebody who sits at the path of a server's socket. */
async function squatter(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => onSocket(socket.on("error", () => {})));
  atEnd(() => server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

describe("a client of the same machine", () => {
  it("comes by the Unix socket, and each side knows which key the other has", async () => {
    const { gate, dial } = await local();
    const link = await dial();
    const other = await gate.link();
    expect([isLocal(link), link.keyName, other.keyName]).toEqual([true, key.id, "main"]);
    expect(await echo(link)).toBe("hello");
  });

  it("has an address that no other link has, and the server has the one that was dialled", async () => {
    const { gate, dial } = await local();
    const links = [await dial(), await dial()];
    await gate.link(2);
    expect(links.map(({ localAddress }) => `${localAddress}`)).toEqual(
      gate.links.map(({ remoteAddress }) => `${remoteAddress}`),
    );
    expect(new Set(gate.links.map(({ remoteAddress }) => `${remoteAddress}`)).size).toBe(2);
    for (const { remoteAddress } of links)
      expect(remoteAddress).toMatchObject({ host: "127.0.0.1", port: gate.port, family: "IPv4" });
  });

  it("comes over TLS where there is no socket, or none that lives", async () => {
    const { gate, path, dial } = await local(undefined, { runFolder: false });
    expect(isLocal(await dial())).toBe(false);
    writeFileSync(path, "");
    expect(isLocal(await dial())).toBe(false);
    expect(gate.refused).toEqual([]);
  });

  it("comes over TLS where others may use the folder, and the server says why", async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o750);
    const gate = await openGate({ main: key }, { runFolder: folder });
    expect((await gate.refusal()).code).toBe("CNR_ERR_RUN_FOLDER");
    const link = await secureDialer(key, { runFolder: folder }).dial("127.0.0.1", gate.port);
    expect([isLocal(link), await echo(link)]).toEqual([false, "hello"]);
  });

  it("comes over TLS where the path is too long for a socket", async () => {
    const folder = join(temporaryFolder(), "d".repeat(90));
    const gate = await openGate({ main: key }, { runFolder: folder });
    const link = await secureDialer(key, { runFolder: folder }).dial("127.0.0.1", gate.port);
    expect([isLocal(link), gate.refused]).toEqual([false, []]);
    link.abort();
  });

  it.each([
    ["ends at once", (socket: Socket) => void socket.end()],
    ["speaks something else", (socket: Socket) => void socket.end("SSH-2.0-\r\n")],
    ["says that another server is meant", (socket: Socket) => void socket.end(Uint8Array.of(0))],
  ])("comes over TLS where what has the socket %s", async (_, onSocket) => {
    const { gate, path, dial } = await local(undefined, { runFolder: false });
    await squatter(path, onSocket);
    expect([isLocal(await dial()), gate.refused]).toEqual([false, []]);
  });

  it("gives up by its signal and by its time while the other side is silent", async () => {
    const { gate, folder, path } = await local(undefined, { runFolder: false });
    await squatter(path, () => {});
    const dialer = secureDialer(key, { runFolder: folder });
    const reason = new Error("enough");
    const aborted = refusalOf(dialer.dial("127.0.0.1", gate.port, { signal: AbortSignal.abort(reason) }));
    expect(await aborted).toBe(reason);
    const late = refusalOf(dialer.dial("127.0.0.1", gate.port, { timeoutMs: 20 }));
    expect((await late).code).toBe("CNR_ERR_TIMEOUT");
  });
});

describe("two servers at one port, each at an address of its own,", () => {
  it("are told apart: who has the socket sends on the clients of the other", async () => {
    const first = await local();
    const second = await openGate(
      { main: key },
      { runFolder: first.folder, host: "127.0.0.2", port: first.gate.port },
    );
    expect(readdirSync(first.folder)).toEqual([`${first.gate.port}.sock`]);
    expect(isLocal(await first.dial(key, "127.0.0.1"))).toBe(true);
    expect(isLocal(await first.dial(key, "localhost"))).toBe(true);
    expect(isLocal(await first.dial(key, "127.0.0.2"))).toBe(false);
    await second.link();
    expect([first.gate.links.length, second.links.length]).toEqual([2, 1]);
  });
});

describe("without the key", () => {
  it.each([
    ["another key of the same name", newLinkKey(key.id), "CNR_ERR_WRONG_KEY"],
    ["a key that is unknown", newLinkKey(), "CNR_ERR_UNKNOWN_KEY"],
  ])("a client with %s is refused, and both sides say why", async (_, other, code) => {
    const { gate, dial } = await local();
    const error = await refusalOf(dial(other));
    // The server's answer does not show whether it knows the key.
    expect(error).toBeInstanceOf(AuthenticationError);
    expect([error.code, error.details["address"]]).toEqual(["CNR_ERR_WRONG_KEY", `127.0.0.1:${gate.port}`]);
    expect([(await gate.refusal()).code, gate.links]).toEqual([code, []]);
  });

  it("a server gets no word from a client but its key's id, and no link", async () => {
    const { folder, path, gate } = await local(undefined, { runFolder: false });
    const heard: Buffer[] = [];
    // It repeats an old answer of the true server, with the client's opening before it.
    const answer = Buffer.concat([Buffer.of(1), Buffer.alloc(4 + 32 + 32, 7)]);
    await squatter(path, (socket) => {
      socket.on("data", (bytes: Buffer) => void heard.push(bytes));
      socket.write(answer);
    });
    const error = await refusalOf(secureDialer(key, { runFolder: folder }).dial("127.0.0.1", gate.port));
    expect(error.code).toBe("CNR_ERR_WRONG_KEY");
    expect(Buffer.concat(heard).includes(Buffer.from(key.unixAuth))).toBe(false);
  });

  it("a client is refused that gives back the server's proof, or none", async () => {
    const { gate, path } = await local();
    for (const [n, proofOf] of [(answer: Buffer) => answer.subarray(-32), () => Buffer.alloc(32)].entries()) {
      const opening = encodeOpening({ id: key.id, host: "127.0.0.1", network: networkName() });
      const socket = await caller(path, opening);
      socket.once("data", (answer: Buffer) => void socket.write(proofOf(answer)));
      expect((await gate.refusal(n + 1)).code).toBe("CNR_ERR_WRONG_KEY");
    }
    expect(gate.links).toEqual([]);
  });

  it("a revoked key is refused, also when it is revoked during the proof", async () => {
    const { gate, dial } = await local();
    (await dial()).abort();
    delete gate.keys["main"];
    expect((await refusalOf(dial())).code).toBe("CNR_ERR_WRONG_KEY");
    expect((await gate.refusal()).code).toBe("CNR_ERR_UNKNOWN_KEY");
    let looks = 0;
    const during = await local(
      { main: key },
      { findKey: () => (++looks === 1 ? { name: "main", key } : undefined) },
    );
    const link = await during.dial();
    expect((await during.gate.refusal()).code).toBe("CNR_ERR_UNKNOWN_KEY");
    expect([during.gate.links, looks]).toEqual([[], 2]);
    link.abort();
  });
});

describe("the proof", () => {
  it("can be made by whoever has read docs/PROTOCOL.md", async () => {
    const { gate, path } = await local();
    const hmac = (role: string, ...parts: Buffer[]): Buffer =>
      createHmac("sha256", key.unixAuth)
        .update(Buffer.concat([Buffer.from(`connector/1 unix ${role}\0`), ...parts]))
        .digest();
    const field = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
    const fields = [key.id, "localhost", networkName()].map(field);
    const opening = Buffer.concat([Buffer.of(1), ...fields, randomBytes(32)]);
    const socket = await caller(path, opening);
    const [answer] = (await once(socket, "data")) as [Buffer];
    const said = answer.subarray(0, 37);
    expect([answer.length, answer[0]]).toEqual([69, 1]);
    expect(answer.subarray(37)).toEqual(hmac("server", opening, said));
    // The first frames may follow the proof at once.
    socket.write(Buffer.concat([hmac("client", opening, answer), Buffer.from("hello")]));
    expect(String((await once(socket, "data"))[0])).toBe("hello");
    expect((await gate.link()).remoteAddress.port).toBe(answer.readUInt32BE(1));
  });

  it("survives openings and proofs of any bytes, in any pieces", async () => {
    const { gate, path, dial } = await local(undefined, { limits: { maxHandshakeMs: 200 } });
    const callers: Promise<unknown>[] = [];
    for (let n = 0; n < 150; n++) {
      const opening = encodeOpening({ id: key.id, host: "127.0.0.1", network: networkName() });
      for (const at of randomBytes(n % 4)) opening[1 + (at % (opening.length - 1))] = at;
      const socket = await caller(path, opening.subarray(0, n % 3 ? opening.length : n));
      socket.write(randomBytes(n));
      callers.push(heardBy(socket));
    }
    await Promise.all(callers);
    expect(gate.links).toEqual([]);
    expect(await echo(await dial())).toBe("hello");
  });
});

describe("at the socket", () => {
  it("rubbish is refused, silence ends after its time, and others are served", async () => {
    const { gate, path, dial } = await local(undefined, { limits: { maxHandshakeMs: 100 } });
    await heardBy(await caller(path, "GET / HTTP/1.1\r\n\r\n"));
    await heardBy(await caller(path));
    await heardBy(await caller(path, Uint8Array.of(1, 200, 65)));
    expect(gate.refused.map(({ code }) => code)).toEqual([
      "CNR_ERR_NOT_CONNECTOR",
      "CNR_ERR_TIMEOUT",
      "CNR_ERR_TIMEOUT",
    ]);
    expect(await echo(await dial())).toBe("hello");
  });

  it("a flood over TCP does not keep local clients out", async () => {
    const { gate, dial } = await local(undefined, { limits: { maxPendingHandshakes: 4 } });
    const flood = Array.from({ length: 8 }, () => connect(gate.port, "127.0.0.1").on("error", () => {}));
    atEnd(() => flood.forEach((socket) => void socket.destroy()));
    const link = await dial();
    expect([isLocal(link), await echo(link)]).toEqual([true, "hello"]);
  });

  it("nothing is left when the listener has closed, and a new one takes its place", async () => {
    const { gate, folder, dial } = await local();
    await dial();
    await gate.close();
    expect(readdirSync(folder)).toEqual([]);
    await openGate({ main: key }, { runFolder: folder, port: gate.port });
    expect(isLocal(await dial())).toBe(true);
  });
});

describe("this machine", () => {
  it("is loopback and its own addresses, and no other", () => {
    const own = Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ address }) => address),
    );
    for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1", ...own])
      expect(isThisMachine(host)).toBe(true);
    for (const host of ["192.0.2.1", "example.org", "2001:db8::1"]) expect(isThisMachine(host)).toBe(false);
  });
});
