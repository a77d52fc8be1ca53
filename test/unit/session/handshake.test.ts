import { afterEach, describe, expect, it, vi } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import {
  ConnectionError,
  type ConnectorError,
  HandshakeError,
  TimeoutError,
} from "../../../src/core/errors.ts";
import type { Limits } from "../../../src/core/limits.ts";
import type { WaitOptions } from "../../../src/core/waiting.ts";
import { FrameKind, frameOf } from "../../../src/protocol/frame.ts";
import { decodeWelcome } from "../../../src/protocol/handshake-messages.ts";
import { greetClient } from "../../../src/session/greet-client.ts";
import { greetServer } from "../../../src/session/greet-server.ts";
import type { Session } from "../../../src/session/session.ts";
import { memoryLinkPair } from "../../../src/transport/memory-link.ts";
import type { Link } from "../../../src/transport/transport.ts";
import { clientGreeting, firstHello, serverGreeting } from "./greetings.ts";
import { ScriptedLink } from "./scripted-link.ts";
import { receivedBy, sendValue, turns } from "./session-pair.ts";

const open: Session[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const session of open.splice(0)) await session.close();
});

interface Side {
  readonly sessions: Session[];
  readonly names: string[];
  readonly done: Promise<ConnectorError | undefined>;
}

function outcome(promise: Promise<void>): Promise<ConnectorError | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => error as ConnectorError,
  );
}

function asClient(
  link: Link,
  limits: Partial<Limits> = {},
  wait: WaitOptions = {},
  then?: (session: Session) => void,
): Side {
  const sessions: Session[] = [];
  const greeting = clientGreeting(limits, (session) => {
    sessions.push(session);
    open.push(session);
    then?.(session);
  });
  const greeted = greetServer(link, greeting, wait);
  return { sessions, names: [], done: outcome(greeted) };
}

function asServer(
  link: Link,
  limits: Partial<Limits> = {},
  wait: WaitOptions = {},
  then?: (session: Session) => void,
): Side {
  const sessions: Session[] = [];
  const names: string[] = [];
  const greeting = serverGreeting(limits, (session, name) => {
    sessions.push(session);
    names.push(name);
    open.push(session);
    then?.(session);
  });
  const greeted = greetClient(link, greeting, wait);
  return { sessions, names, done: outcome(greeted) };
}

/** A HELLO of another version of the protocol. */
function foreignOpening(kind: number, version: number): Uint8Array {
  const writer = new ByteWriter();
  writer.string("connector");
  writer.uint(version);
  return frameOf(kind, writer.bytes.slice(0, writer.position));
}

describe("two sides that greet each other", () => {
  it("end up with a session each, that can talk", async () => {
    const [a, b] = memoryLinkPair();
    const server = asServer(b);
    const client = asClient(a);
    expect([await client.done, await server.done, server.names]).toEqual([
      undefined,
      undefined,
      ["worker-3"],
    ]);
    const [[left], [right]] = [client.sessions, server.sessions];
    const got = receivedBy(right as Session);
    sendValue(left as Session, "hello");
    await turns();
    expect(got).toEqual(["hello"]);
    expect([left?.id, left?.id.length]).toEqual([right?.id, right?.id.length]);
  });

  it("lose nothing that either says right behind its greeting", async () => {
    const [a, b] = memoryLinkPair();
    const atServer: unknown[][] = [];
    const atClient: unknown[][] = [];
    const server = asServer(b, {}, {}, (session) => {
      atServer.push(receivedBy(session));
      sendValue(session, "from the server");
      session.flush();
    });
    const client = asClient(a, {}, {}, (session) => {
      atClient.push(receivedBy(session));
      sendValue(session, "from the client");
      session.flush();
    });
    await Promise.all([server.done, client.done]);
    await turns();
    expect([atServer, atClient]).toEqual([[["from the client"]], [["from the server"]]]);
  });

  it("hand over at the right byte, though all comes in one chunk or in many", async () => {
    for (const size of [1, 7, 100_000]) {
      const link = new ScriptedLink();
      const got: unknown[][] = [];
      const server = asServer(link, {}, {}, (session) => void got.push(receivedBy(session)));
      const hello = frameOf(FrameKind.hello, firstHello());
      const message = frameOf(FrameKind.message, new Uint8Array([200, 5, 200, 6]));
      const stream = new Uint8Array(Buffer.concat([hello, message, message]));
      for (let at = 0; at < stream.length; at += size) link.handler?.data(stream.slice(at, at + size));
      expect(await server.done).toBeUndefined();
      expect(got).toEqual([[5, 6, 5, 6]]);
    }
  });

  it("agree on the smaller of their limits", async () => {
    const [a, b] = memoryLinkPair();
    const server = asServer(b, { maxValueBytes: 1000, maxDepth: 50, channelWindowBytes: 7 });
    const client = asClient(a, { maxValueBytes: 5000, maxDepth: 10 });
    await Promise.all([server.done, client.done]);
    const [[left], [right]] = [client.sessions, server.sessions] as [Session[], Session[]];
    const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
    for (const session of [left, right] as Session[]) {
      expect(() => sendValue(session, "x".repeat(1001))).toThrow(/the limit is 1000/);
      expect(() => sendValue(session, deep(11))).toThrow(/more than 10 levels/);
    }
    expect([left?.peerWindowBytes, right?.peerWindowBytes]).toEqual([7, 1024 * 1024]);
  });
});

describe("a client that meets something else", () => {
  const answers: Record<string, Uint8Array> = {
    "an HTTP server": new Uint8Array(Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
    "an SSH server": new Uint8Array(Buffer.from("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
    "a TLS server": new Uint8Array([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]),
    "random bytes": new Uint8Array(64).map((_, n) => (n * 97 + 13) & 255),
    "a frame that is no welcome": frameOf(FrameKind.message, new Uint8Array([1, 2, 3])),
    "raw bytes": frameOf(FrameKind.raw, new Uint8Array([1, 2, 3])),
    "a welcome that is broken": frameOf(FrameKind.welcome, new Uint8Array([0xa1, 65])),
    "a length of 16 MiB": new Uint8Array([255, 255, 255, FrameKind.welcome, 0, 0, 0, 0]),
  };

  it.each(Object.keys(answers))("says so, and shows the answer: %s", async (name) => {
    const link = new ScriptedLink();
    const client = asClient(link);
    link.handler?.data(answers[name] as Uint8Array);
    // A server that did not understand ends the link; what came short of a frame shows then.
    link.handler?.closed();
    const error = await client.done;
    expect(error).toBeInstanceOf(HandshakeError);
    expect([error?.code, client.sessions]).toEqual(["CNR_ERR_NOT_CONNECTOR", []]);
    expect(error?.message).toContain("127.0.0.1:2");
    expect(error?.message).toMatch(/^[\x20-\x7e]+$/);
  });

  it("shows the first words of the answer", async () => {
    const link = new ScriptedLink();
    const client = asClient(link);
    link.handler?.data(answers["an HTTP server"] as Uint8Array);
    expect((await client.done)?.message).toContain('"HTTP/1.1 400 Bad Request');
    expect(link.calls).toEqual(["abort"]);
  });

  it("says which versions meet", async () => {
    const link = new ScriptedLink();
    const client = asClient(link);
    link.handler?.data(foreignOpening(FrameKind.welcome, 2));
    const error = await client.done;
    expect([error?.code, error?.details]).toEqual(["CNR_ERR_VERSION", { theirs: 2, ours: 1 }]);
    expect(link.calls).toEqual(["close"]);
  });

  it("says that the link ended before a word was said", async () => {
    const link = new ScriptedLink();
    const client = asClient(link);
    link.handler?.closed(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    expect([(await client.done)?.code, (await client.done)?.message]).toEqual([
      "CNR_ERR_HANDSHAKE_REFUSED",
      "the server refused the link: ECONNRESET",
    ]);
  });
});

describe("a server that meets something else", () => {
  it.each([
    ["an HTTP request", new Uint8Array(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))],
    ["a TLS hello", new Uint8Array([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03])],
    ["a message before the hello", frameOf(FrameKind.message, new Uint8Array([200, 1]))],
    ["raw bytes before the hello", frameOf(FrameKind.raw, new Uint8Array([200, 1]))],
    ["a hello of 5 KiB", frameOf(FrameKind.hello, new Uint8Array(5000))],
    ["an empty hello", frameOf(FrameKind.hello)],
  ])("ends that link alone: %s", async (_, bytes) => {
    const link = new ScriptedLink();
    const server = asServer(link);
    link.handler?.data(bytes);
    link.handler?.data(bytes);
    const error = await server.done;
    expect(error).toBeInstanceOf(HandshakeError);
    expect([error?.code, link.calls, server.sessions]).toEqual(["CNR_ERR_NOT_CONNECTOR", ["abort"], []]);
    expect(link.writes).toEqual([]);
  });

  it("tells a client of another version which one it speaks", async () => {
    const [a, b] = memoryLinkPair();
    const server = asServer(b);
    const heard: Uint8Array[] = [];
    const ended = new Promise<void>((resolve) => {
      a.start({ data: (bytes) => void heard.push(bytes), drained() {}, closed: () => resolve() });
    });
    a.write([foreignOpening(FrameKind.hello, 7)]);
    expect((await server.done)?.details).toEqual({ theirs: 7, ours: 1 });
    await ended;
    expect(decodeWelcome((heard[0] as Uint8Array).subarray(8)).version).toBe(1);
  });

  it("ends with a link that is lost, and with a client that stalls", async () => {
    const lost = new ScriptedLink();
    const first = asServer(lost);
    lost.handler?.closed();
    expect(await first.done).toBeInstanceOf(ConnectionError);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const link = new ScriptedLink();
    const server = asServer(link, {}, { timeoutMs: 5000 });
    const hello = frameOf(FrameKind.hello, firstHello());
    link.handler?.data(hello.slice(0, 20));
    vi.advanceTimersByTime(5000);
    expect(await server.done).toBeInstanceOf(TimeoutError);
    expect(link.calls).toEqual(["abort"]);
    // The rest comes too late.
    link.handler?.data(hello.slice(20));
    link.handler?.closed();
    expect([server.sessions, link.writes]).toEqual([[], []]);
  });
});

describe("a wait for the handshake", () => {
  it("ends after its time, and closes the link", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const link = new ScriptedLink();
    const client = asClient(link, {}, { timeoutMs: 10_000 });
    vi.advanceTimersByTime(10_000);
    const error = await client.done;
    expect(error).toBeInstanceOf(TimeoutError);
    expect([error?.message.includes("127.0.0.1:2"), link.calls]).toEqual([true, ["abort"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends with the signal's reason, before and during it, on both sides", async () => {
    const reason = new Error("never mind");
    for (const greet of [asClient, asServer]) {
      const early = new ScriptedLink();
      expect(await greet(early, {}, { signal: AbortSignal.abort(reason) }).done).toBe(reason);
      expect([early.calls, early.writes]).toEqual([["abort"], []]);
      const link = new ScriptedLink();
      const controller = new AbortController();
      const side = greet(link, {}, { signal: controller.signal });
      controller.abort(reason);
      expect([await side.done, link.calls]).toEqual([reason, ["abort"]]);
      link.handler?.closed();
    }
  });

  it("leaves no timer and no listener when it succeeds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, "addEventListener");
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    const [a, b] = memoryLinkPair();
    const wait = { signal: controller.signal, timeoutMs: 5000 };
    const [server, client] = [asServer(b, {}, wait), asClient(a, {}, wait)];
    await Promise.all([server.done, client.done]);
    expect([added.mock.calls.length, removed.mock.calls.length, vi.getTimerCount()]).toEqual([1, 1, 0]);
    controller.abort();
    expect([client.sessions[0]?.ended, server.sessions[0]?.ended]).toEqual([undefined, undefined]);
  });
});
