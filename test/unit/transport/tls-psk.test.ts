import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect as connectPlain, createServer, type Server } from "node:net";
import { type ConnectionOptions, connect, createServer as createTlsServer, type TlsOptions } from "node:tls";
import { describe, expect, it } from "vitest";
import { AuthenticationError } from "../../../src/core/errors.ts";
import { tlsDialer } from "../../../src/transport/node/tls-psk.ts";
import { findAmong, newLinkKey } from "../../fixtures/link-keys.ts";
import { fixture } from "../../fixtures/programs.ts";
import { atEnd, clientHello, echo, openGate, refusalOf, stranger } from "../../fixtures/secure-listener.ts";

const CIPHERS = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
const pem = (name: string): Buffer => readFileSync(fixture(`certificates/${name}.pem`));
const certificate = { cert: pem("localhost"), key: pem("localhost-key") };

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  atEnd(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Another TLS server than ours. */
function tlsServer(options: TlsOptions): Promise<number> {
  const server = createTlsServer(options, (socket) => socket.on("error", () => {}));
  server.on("tlsClientError", () => {});
  return listening(server);
}

/** Another TLS client than ours: what it meets, an error's code or "connected". */
function tlsClient(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  atEnd(() => socket.destroy());
  return new Promise((resolve) => {
    socket.once("secureConnect", () => resolve("connected"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("close", () => resolve("closed"));
  });
}

describe("a link by pre-shared key", () => {
  it("tells each side which key the other has proved", async () => {
    const [main, worker] = [newLinkKey(), newLinkKey()];
    const gate = await openGate({ main, worker });
    for (const [n, [name, key]] of Object.entries({ main, worker }).entries()) {
      const link = await tlsDialer(key).dial("127.0.0.1", gate.port);
      expect((await gate.link(n + 1)).keyName).toBe(name);
      expect(link.keyName).toBe(key.id);
      expect(await echo(link)).toBe("hello");
      link.abort();
    }
  });

  it("is TLS 1.3 with forward secrecy, an agreed protocol and no certificate", async () => {
    const key = newLinkKey();
    const gate = await openGate({ main: key });
    const socket = connect({
      host: "127.0.0.1",
      port: gate.port,
      ciphers: CIPHERS,
      // Node 22 does not name the post-quantum exchange that is agreed on otherwise.
      ecdhCurve: "X25519",
      ALPNProtocols: ["connector/1"],
      checkServerIdentity: () => new Error("there is no identity to check"),
      pskCallback: () => ({ identity: `c1.${key.id}`, psk: key.tlsPsk }),
    });
    atEnd(() => socket.destroy());
    await once(socket, "secureConnect");
    expect([socket.getProtocol(), socket.alpnProtocol, socket.getCipher().standardName]).toEqual([
      "TLSv1.3",
      "connector/1",
      "TLS_AES_128_GCM_SHA256",
    ]);
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: "ECDH", name: "X25519" });
    expect(socket.getPeerCertificate()?.raw).toBeUndefined();
  });

  it("does not carry its content in clear, nor its secrets", async () => {
    const key = newLinkKey();
    const gate = await openGate({ main: key });
    const heard: Buffer[] = [];
    const between = createServer((client) => {
      const server = connectPlain(gate.port, "127.0.0.1");
      for (const socket of [client, server]) socket.on("data", (bytes) => void heard.push(bytes));
      client
        .on("error", () => {})
        .pipe(server)
        .pipe(client);
    });
    const link = await tlsDialer(key).dial("127.0.0.1", await listening(between));
    expect(await echo(link, "a secret word")).toBe("a secret word");
    link.abort();
    const all = Buffer.concat(heard);
    expect(all.includes(key.id)).toBe(true);
    expect([all.includes("a secret word"), all.includes(Buffer.from(key.tlsPsk))]).toEqual([false, false]);
  });

  it("gives up a handshake by signal and by time, and leaves no connection", async () => {
    const key = newLinkKey();
    const silent = createServer();
    const closed: Promise<unknown>[] = [];
    silent.on(
      "connection",
      (socket) => void closed.push(once(socket.on("error", () => {}).resume(), "close")),
    );
    const port = await listening(silent);
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const dialled = refusalOf(tlsDialer(key).dial("127.0.0.1", port, { signal: controller.signal }));
    await once(silent, "connection");
    controller.abort(reason);
    expect(await dialled).toBe(reason);
    const late = refusalOf(tlsDialer(key).dial("127.0.0.1", port, { timeoutMs: 20 }));
    expect((await late).code).toBe("CNR_ERR_TIMEOUT");
    await Promise.all(closed);
  });
});

describe("a client", () => {
  it.each([
    ["a certificate", { minVersion: "TLSv1.3" }],
    ["a certificate and the protocol's name", { minVersion: "TLSv1.3", ALPNProtocols: ["connector/1"] }],
    [
      "a certificate after it has refused the key",
      { minVersion: "TLSv1.3", ciphers: CIPHERS, pskCallback: () => null },
    ],
  ] satisfies [string, TlsOptions][])("refuses a server that shows %s", async (_, options) => {
    const port = await tlsServer({ ...certificate, ...options });
    const error = await refusalOf(tlsDialer(newLinkKey()).dial("127.0.0.1", port));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect([error.code, error.details["address"]]).toEqual(["CNR_ERR_NO_KEY_PROOF", `127.0.0.1:${port}`]);
    expect(error.message).toContain("shows a certificate");
  });

  it("refuses a server that guesses the key", async () => {
    const key = newLinkKey();
    const port = await tlsServer({
      minVersion: "TLSv1.3",
      ciphers: CIPHERS,
      pskCallback: () => newLinkKey().tlsPsk,
    });
    expect((await refusalOf(tlsDialer(key).dial("127.0.0.1", port))).code).toBe("CNR_ERR_WRONG_KEY");
  });

  it("refuses a server that has the key and does not name the protocol", async () => {
    const key = newLinkKey();
    const port = await tlsServer({ minVersion: "TLSv1.3", ciphers: CIPHERS, pskCallback: () => key.tlsPsk });
    const error = await refusalOf(tlsDialer(key).dial("127.0.0.1", port));
    expect([error.code, error.details["theirs"]]).toEqual(["CNR_ERR_VERSION", "none"]);
  });

  it("says of a server of TLS 1.2 and of one in plain text that they are not Connector", async () => {
    const old = await tlsServer({ ...certificate, maxVersion: "TLSv1.2" });
    const plain = await listening(createServer((socket) => void socket.end("SSH-2.0-OpenSSH_9.9\r\n")));
    const errors = [];
    for (const port of [old, plain])
      errors.push(await refusalOf(tlsDialer(newLinkKey()).dial("127.0.0.1", port)));
    expect(errors.map(({ code }) => code)).toEqual(["CNR_ERR_NOT_CONNECTOR", "CNR_ERR_NOT_CONNECTOR"]);
    expect(errors[0]?.message).toContain("older than 1.3");
    expect(errors[1]?.message).toContain("plain text");
  });

  it("says that a server ended the link before its proof", async () => {
    const ends = await listening(createServer((socket) => void socket.on("error", () => {}).end()));
    const resets = await listening(
      createServer(
        (socket) => void socket.on("error", () => {}).once("data", () => socket.resetAndDestroy()),
      ),
    );
    for (const port of [ends, resets]) {
      const error = await refusalOf(tlsDialer(newLinkKey()).dial("127.0.0.1", port));
      expect([error.code, error.retryable]).toEqual(["CNR_ERR_HANDSHAKE_REFUSED", true]);
    }
  });
});

describe("both sides say what is wrong", () => {
  it("when the key under a name is another", async () => {
    const key = newLinkKey();
    const gate = await openGate({ main: key });
    const error = await refusalOf(tlsDialer(newLinkKey(key.id)).dial("127.0.0.1", gate.port));
    for (const each of [error, await gate.refusal()]) {
      expect(each).toBeInstanceOf(AuthenticationError);
      expect([each.code, each.details["id"]]).toEqual(["CNR_ERR_WRONG_KEY", key.id]);
      expect(each.message).toContain("connector key");
    }
  });

  it("when the server does not know the key", async () => {
    const key = newLinkKey();
    const gate = await openGate({ main: newLinkKey() });
    const error = await refusalOf(tlsDialer(key).dial("127.0.0.1", gate.port));
    for (const each of [error, await gate.refusal()]) {
      expect(each).toBeInstanceOf(AuthenticationError);
      expect([each.code, each.details["id"]]).toEqual(["CNR_ERR_UNKNOWN_KEY", key.id]);
    }
    expect(error.details["address"]).toBe(`127.0.0.1:${gate.port}`);
  });

  it.each([
    ["offers no key", "CNR_ERR_NO_KEY_PROOF", { minVersion: "TLSv1.3" }],
    ["speaks TLS 1.2", "CNR_ERR_NOT_CONNECTOR", { maxVersion: "TLSv1.2" }],
    ["shows a certificate", "CNR_ERR_NO_KEY_PROOF", certificate],
    ["means another form of key", "CNR_ERR_NO_KEY_PROOF", offering("c2.abc")],
    ["names no key of ours", "CNR_ERR_NO_KEY_PROOF", offering("c1.<script>")],
  ] satisfies [string, string, ConnectionOptions][])("when a client %s", async (_, code, options) => {
    const gate = await openGate({ main: newLinkKey() });
    expect(await tlsClient(gate.port, options)).toMatch(/ALERT_(HANDSHAKE_FAILURE|PROTOCOL_VERSION)$/);
    expect((await gate.refusal()).code).toBe(code);
    expect(gate.links).toEqual([]);
  });

  it.each([
    ["another protocol", ["http/1.1"]],
    ["none", undefined],
  ])("when a client with the key names %s", async (_, ALPNProtocols) => {
    const key = newLinkKey();
    const gate = await openGate({ main: key });
    const { pskCallback, ciphers } = offering(`c1.${key.id}`, key.tlsPsk);
    const socket = tlsClient(gate.port, {
      ciphers,
      pskCallback,
      checkServerIdentity: () => undefined,
      ...(ALPNProtocols ? { ALPNProtocols } : {}),
    });
    expect((await gate.refusal()).code).toBe("CNR_ERR_VERSION");
    expect(await socket).toMatch(/NO_APPLICATION_PROTOCOL$|connected/);
    expect(gate.links).toEqual([]);
  });
});

describe("a revoked key", () => {
  it("does not come in any more, and other keys do", async () => {
    const [main, guest] = [newLinkKey(), newLinkKey()];
    const gate = await openGate({ main, guest });
    (await tlsDialer(guest).dial("127.0.0.1", gate.port)).abort();
    delete gate.keys["guest"];
    const error = await refusalOf(tlsDialer(guest).dial("127.0.0.1", gate.port));
    expect(error.code).toBe("CNR_ERR_UNKNOWN_KEY");
    expect(await echo(await tlsDialer(main).dial("127.0.0.1", gate.port))).toBe("hello");
  });

  it("does not come back by what its last link has left: no ticket opens a session", async () => {
    const key = newLinkKey();
    const gate = await openGate({ main: key });
    const options = {
      ...offering(`c1.${key.id}`, key.tlsPsk),
      host: "127.0.0.1",
      port: gate.port,
      ALPNProtocols: ["connector/1"],
      checkServerIdentity: () => undefined,
    };
    const first = connect(options);
    const sessions: Buffer[] = [];
    first.on("session", (session: Buffer) => void sessions.push(session));
    first.write("hello");
    // What is answered comes behind whatever the handshake had to give.
    await once(first, "data");
    const last = first.getSession();
    first.destroy();
    delete gate.keys["main"];
    for (const session of [...sessions, ...(last ? [last] : [])]) {
      expect(await tlsClient(gate.port, { ...options, session })).not.toBe("connected");
      expect(await tlsClient(gate.port, { ...options, session, pskCallback: undefined })).not.toBe(
        "connected",
      );
    }
    expect(sessions.length + Number(last !== undefined)).toBeGreaterThan(0);
    expect(gate.links).toHaveLength(1);
  });

  it("does not come in when it is revoked during the handshake", async () => {
    const key = newLinkKey();
    const keys = { main: key };
    let looks = 0;
    const find = findAmong(keys);
    const gate = await openGate(keys, { findKey: (id) => (++looks === 1 ? find(id) : undefined) });
    const link = await tlsDialer(key)
      .dial("127.0.0.1", gate.port)
      .catch(() => undefined);
    expect((await gate.refusal()).code).toBe("CNR_ERR_UNKNOWN_KEY");
    expect([gate.links, looks]).toEqual([[], 2]);
    link?.abort();
  });
});

describe("a listener with keys", () => {
  it("survives whatever its callers do, and takes the next one", async () => {
    const key = newLinkKey();
    const gate = await openGate({ main: key });
    const hello = await clientHello(key);
    for (let cut = 1; cut < hello.length; cut += 97) {
      const socket = await stranger(gate.port, hello.subarray(0, cut));
      if (cut % 2) socket.resetAndDestroy();
      else socket.end();
    }
    expect(await echo(await tlsDialer(key).dial("127.0.0.1", gate.port))).toBe("hello");
  });
});

function offering(
  identity: string,
  psk = newLinkKey().tlsPsk,
): Required<Pick<ConnectionOptions, "pskCallback" | "ciphers" | "minVersion">> {
  return {
    ciphers: CIPHERS,
    minVersion: "TLSv1.3",
    pskCallback: () => ({ identity, psk }),
  };
}
