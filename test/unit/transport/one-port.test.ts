import { once } from "node:events";
import { get } from "node:http";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { FrameKind, frameOf } from "../../../src/protocol/frame.ts";
import { encodeBye } from "../../../src/protocol/handshake-messages.ts";
import { tcpDialer } from "../../../src/transport/node/tcp.ts";
import { tlsDialer } from "../../../src/transport/node/tls-psk.ts";
import { newLinkKey } from "../../fixtures/link-keys.ts";
import {
  atEnd,
  clientHello,
  echo,
  heardBy,
  openGate,
  refusalOf,
  stranger,
} from "../../fixtures/secure-listener.ts";

const hello = frameOf(FrameKind.hello, new Uint8Array(30));

describe("one port", () => {
  it("tells HTTP in one line that this is none, and closes", async () => {
    const gate = await openGate({ main: newLinkKey() });
    const request = get({ host: "127.0.0.1", port: gate.port, path: "/dashboard" });
    const [response] = await once(request, "response");
    let text = "";
    for await (const part of response) text += String(part);
    expect([response.statusCode, response.headers.connection]).toEqual([426, "close"]);
    expect(text).toMatch(/^This port speaks Connector.*\n$/);
    expect(gate.refused).toEqual([]);
  });

  it("answers HTTP also when its body is still being sent, and when it came in pieces", async () => {
    const gate = await openGate({ main: newLinkKey() });
    const long = await stranger(gate.port, "POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n");
    const heard = heardBy(long);
    long.write(Buffer.alloc(1_000_000));
    expect(`${await heard}`).toMatch(/^HTTP\/1\.1 426 /);
    const pieces = await stranger(gate.port, "GE");
    const answer = heardBy(pieces);
    await new Promise((resolve) => setTimeout(resolve, 5));
    pieces.write("T / HTTP/1.1\r\n\r\n");
    expect(`${await answer}`).toMatch(/^HTTP\/1\.1 426 /);
  });

  it("answers so many who speak HTTP at once and do not go, and none of them keeps it from closing", async () => {
    const gate = await openGate({ main: newLinkKey() });
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => stranger(gate.port, "POST / HTTP/1.1\r\n\r\n")),
    );
    // Their side stays open: they say neither goodbye nor anything else.
    for (const socket of sockets) socket.allowHalfOpen = true;
    const heard = new Set<number>();
    for (const [n, socket] of sockets.entries())
      socket.on("data", (bytes: Buffer) => void (`${bytes}`.includes(" 426 ") && heard.add(n)));
    await Promise.all(sockets.map((socket) => once(socket, "end")));
    expect(heard.size).toBe(64);
    await gate.close();
    expect(gate.refused).toEqual([]);
  });

  it("gives HTTP to whoever serves it, with every byte that has come", async () => {
    const taken: Socket[] = [];
    const gate = await openGate({ main: newLinkKey() }, { onHttp: (socket) => void taken.push(socket) });
    const client = await stranger(gate.port, "GET / HTTP/1.1\r\n\r\n");
    while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [socket] = taken as [Socket];
    const heard = heardBy(client);
    socket.on("data", (bytes: Buffer) => void socket.end(`you said ${bytes}`));
    socket.resume();
    expect(`${await heard}`).toBe("you said GET / HTTP/1.1\r\n\r\n");
  });

  it("closes on rubbish at once, says nothing, and shows what it was", async () => {
    const gate = await openGate({ main: newLinkKey() });
    const heard = await heardBy(await stranger(gate.port, "SSH-2.0-\u0001\u0002\r\n"));
    expect(heard).toHaveLength(0);
    const error = await gate.refusal();
    expect([error.code, error.details["answer"]]).toEqual(["CNR_ERR_NOT_CONNECTOR", '"SSH-2.0-."']);
  });

  it("takes TLS whose first bytes come one by one", async () => {
    const key = newLinkKey();
    const gate = await openGate({ main: key });
    const opening = await clientHello(key);
    const socket = await stranger(gate.port);
    socket.setNoDelay(true);
    const answer = once(socket, "data");
    for (const byte of opening.subarray(0, 30)) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(opening.subarray(30));
    // A ServerHello: the key of the first bytes was taken.
    expect((await answer)[0].subarray(0, 2)).toEqual(Buffer.from([0x16, 3]));
  });
});

describe("with keys", () => {
  it("a link without one is refused, and told so in the words that it understands", async () => {
    const plainRefusal = frameOf(FrameKind.bye, encodeBye({ code: "CNR_ERR_KEYLESS", text: "no key" }));
    const gate = await openGate({ main: newLinkKey() }, { plainRefusal });
    const heard = await heardBy(await stranger(gate.port, hello));
    expect(heard).toEqual(Buffer.from(plainRefusal));
    expect([(await gate.refusal()).code, gate.links]).toEqual(["CNR_ERR_KEYLESS", []]);
  });
});

describe("without keys", () => {
  it("a plain link is taken, with its first bytes", async () => {
    const gate = await openGate({}, { findKey: undefined });
    const link = await tcpDialer.dial("127.0.0.1", gate.port);
    atEnd(() => link.abort());
    expect(await echo(link, Buffer.from(hello).toString("latin1"))).toBe(Buffer.from(hello).toString());
    expect((await gate.link()).keyName).toBeUndefined();
  });

  it("a link with a key is refused, and both sides say why", async () => {
    const gate = await openGate({}, { findKey: undefined });
    const error = await refusalOf(tlsDialer(newLinkKey()).dial("127.0.0.1", gate.port));
    expect([error.code, (await gate.refusal()).code]).toEqual(["CNR_ERR_KEYLESS", "CNR_ERR_KEYLESS"]);
  });

  it("HTTP and rubbish are told apart all the same", async () => {
    const gate = await openGate({}, { findKey: undefined });
    expect(`${await heardBy(await stranger(gate.port, "GET / HTTP/1.1\r\n\r\n"))}`).toMatch(/ 426 /);
    expect(await heardBy(await stranger(gate.port, "nonsense"))).toHaveLength(0);
    expect((await gate.refusal()).code).toBe("CNR_ERR_NOT_CONNECTOR");
  });
});
