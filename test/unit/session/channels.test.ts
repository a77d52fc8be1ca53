import { afterEach, describe, expect, it } from "vitest";
import { ValueEncoder } from "../../../src/codec/value-encoder.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { ConnectionError, failure, LimitError } from "../../../src/core/errors.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { ChannelKind, ChannelMux } from "../../../src/session/channel-mux.ts";
import { IncomingChannel, isOrderlyEnd } from "../../../src/session/incoming-channel.ts";
import type { OutgoingChannel } from "../../../src/session/outgoing-channel.ts";
import type { Session } from "../../../src/session/session.ts";
import { type PairOptions, sessionPair, turns } from "./session-pair.ts";

interface Ends {
  readonly a: Session;
  readonly b: Session;
  readonly mux: ChannelMux;
  readonly arrived: Map<string, IncomingChannel>;
  open(name?: string): Promise<{ id: number; out: OutgoingChannel; incoming: IncomingChannel }>;
}

const sessions: Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
});

function connected(options?: PairOptions): Ends {
  const [a, b] = sessionPair(options);
  sessions.push(a, b);
  const mux = new ChannelMux(a);
  const arrived = new Map<string, IncomingChannel>();
  new ChannelMux(b).accept(
    ChannelKind.pipe,
    (_id, name) => {
      const channel = new IncomingChannel(b, `recv from "${name}"`);
      arrived.set(name, channel);
      return channel;
    },
    undefined,
  );
  return {
    a,
    b,
    mux,
    arrived,
    async open(name = "chat") {
      const { id, channel: out } = mux.open(ChannelKind.pipe, name, undefined);
      await turns(3);
      return { id, out, incoming: arrived.get(name) as IncomingChannel };
    },
  };
}

/** How a promise stands after some turns. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = "waits";
  promise.then(
    () => {
      state = "done";
    },
    (error: unknown) => {
      state = error;
    },
  );
  await turns(3);
  return state;
}

const kib = (n: number): Uint8Array => new Uint8Array(n * 1024);

describe("a channel", () => {
  it("brings values in order, to readers that wait and to readers that come later", async () => {
    const { open } = connected();
    const { out, incoming } = await open();
    const first = incoming.take();
    for (const value of [1, { two: [2] }, undefined, "four"]) await out.send(value);
    expect(await first).toBe(1);
    await turns(2);
    expect(incoming.size).toBe(3);
    expect([await incoming.take(), await incoming.take(), incoming.tryTake(), incoming.tryTake()]).toEqual([
      { two: [2] },
      undefined,
      "four",
      undefined,
    ]);
  });

  it("brings values that were encoded once for many, between the others", async () => {
    const { open } = connected();
    const { out, incoming } = await open();
    const writer = new ByteWriter();
    new ValueEncoder({ maxDepth: 9, maxValueBytes: 1e6, shapes: false }).encode(writer, {
      text: "x".repeat(50_000),
    });
    const bytes = writer.bytes.slice(0, writer.position);
    await out.send("before");
    await out.sendBytes(bytes);
    await out.sendBytes(bytes);
    await out.send("after");
    await turns(3);
    const got = [incoming.tryTake(), incoming.tryTake(), incoming.tryTake(), incoming.tryTake()];
    expect(got).toEqual(["before", { text: "x".repeat(50_000) }, { text: "x".repeat(50_000) }, "after"]);
  });

  it("makes its writer wait when the reader is slow, and no other channel", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 100_000 } });
    const slow = await open("slow");
    const quick = await open("quick");
    const sends = Array.from({ length: 20 }, (_, n) => slow.out.send({ n, data: kib(20) }));
    expect(await stateOf(sends[3] as Promise<void>)).toBe("done");
    expect(await stateOf(sends[5] as Promise<void>)).toBe("waits");
    expect(slow.incoming.size).toBeLessThan(7);
    for (let n = 0; n < 100; n++) {
      await quick.out.send({ n, data: kib(20) });
      expect(await quick.incoming.take()).toMatchObject({ n });
    }
    expect(slow.incoming.size).toBeLessThan(7);
    for (let n = 0; n < 20; n++) expect(await slow.incoming.take()).toMatchObject({ n });
    await Promise.all(sends);
  });

  it("takes a value that must wait as it is when it is sent", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 1000 } });
    const { out, incoming } = await open();
    await out.send(kib(2));
    const value = { state: "sent" };
    const waiting = out.send(value);
    value.state = "changed later";
    await incoming.take();
    await waiting;
    expect(await incoming.take()).toEqual({ state: "sent" });
  });

  it("keeps the order of values that waited and values that need not", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 5000 } });
    const { out, incoming } = await open();
    const sends = Array.from({ length: 200 }, (_, n) => out.send([n, "x".repeat((n * 37) % 900)]));
    for (let n = 0; n < 200; n++) expect((await incoming.take()) as unknown[]).toMatchObject({ 0: n });
    await Promise.all(sends);
  });

  it("does not send a value whose wait was given up", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 1000 } });
    const { out, incoming } = await open();
    await out.send(kib(2));
    const reason = new Error("not needed");
    const controller = new AbortController();
    const given = out.send("given up", { signal: controller.signal });
    const timed = out.send("timed out", { timeoutMs: 0 });
    const kept = out.send("kept");
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    await expect(timed).rejects.toThrow(/send to "chat" did not finish within 0 ms/);
    await expect(out.send("x", { signal: controller.signal })).rejects.toBe(reason);
    await incoming.take();
    await kept;
    expect(await incoming.take()).toBe("kept");
    await turns(2);
    expect(incoming.size).toBe(0);
  });

  it("keeps no memory of sends that were given up", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 1000 } });
    const { out } = await open();
    await out.send(kib(2));
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 300; n++) {
      const controller = new AbortController();
      const sent = out.send(kib(1024), { signal: controller.signal });
      controller.abort();
      await expect(sent).rejects.toBeDefined();
    }
    global.gc?.();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(250e6);
  });

  it("waits while the link takes no more, though the reader has room", async () => {
    const { a, b, open } = connected({ limits: { maxUnsentBytes: 200_000 } });
    const { out, incoming } = await open();
    b.link.pause();
    const sends: Promise<void>[] = [];
    for (let n = 0; n < 15; n++) {
      sends.push(out.send(kib(50)));
      await turns(1);
    }
    expect(await stateOf(sends[14] as Promise<void>)).toBe("waits");
    expect(a.link.bufferedBytes).toBeLessThan(400_000);
    b.link.resume();
    await Promise.all(sends);
    await turns(3);
    expect(incoming.size).toBe(15);
  });

  it("refuses what cannot travel, and goes on", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 1000, maxValueBytes: 10_000 } });
    const { out, incoming } = await open();
    await expect(out.send({ s: Symbol("s") })).rejects.toThrow(/value\.s cannot be sent/);
    await out.send(kib(2));
    await expect(out.send([() => 1])).rejects.toThrow(/value\[0\] cannot be sent/);
    await expect(out.send(kib(20))).rejects.toBeInstanceOf(LimitError);
    const last = out.send("fine");
    await incoming.take();
    await last;
    expect(await incoming.take()).toBe("fine");
  });

  it("passes a value that is larger than its whole window", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 1000 } });
    const { out, incoming } = await open();
    for (let n = 0; n < 5; n++) {
      const sent = out.send({ n, big: "x".repeat(100_000) });
      expect(await incoming.take()).toMatchObject({ n });
      await sent;
    }
  });
});

describe("the end of a channel", () => {
  it("comes after what was sent", async () => {
    const { open } = connected();
    const { out, incoming } = await open();
    await out.send(1);
    await out.send(2);
    out.end();
    out.end();
    await turns(2);
    expect([await incoming.take(), await incoming.take()]).toEqual([1, 2]);
    const end: unknown = await incoming.take().catch((error: unknown) => error);
    expect(isOrderlyEnd(end)).toBe(true);
    await expect(out.send(3)).rejects.toBeInstanceOf(ConnectionError);
  });

  it("rejects sends that still wait, with an error", async () => {
    const { open } = connected({ limits: { channelWindowBytes: 10 } });
    const { out } = await open();
    await out.send(kib(1));
    const waiting = out.send(2);
    out.end();
    await expect(waiting).rejects.toMatchObject({ code: "CNR_ERR_CLOSED" });
    await expect(out.sendBytes(new Uint8Array([1]))).rejects.toMatchObject({ code: "CNR_ERR_CLOSED" });
  });

  it("may be an error, which the reader gets as it is", async () => {
    const { open } = connected();
    const { out, incoming } = await open();
    await out.send(1);
    out.fail(new RangeError("out of numbers"));
    await turns(2);
    expect(await incoming.take()).toBe(1);
    await expect(incoming.take()).rejects.toBeInstanceOf(RangeError);
    await expect(out.send(1)).rejects.toThrow("out of numbers");
  });

  it("by an error that cannot travel throws, and the session goes on", async () => {
    const { open } = connected();
    const { out, incoming } = await open();
    expect(() => out.fail(new Error("a", { cause: Symbol("s") }))).toThrow(/value\.cause/);
    await out.send("still open");
    expect(await incoming.take()).toBe("still open");
  });

  it("by a reader that stops ends the writer, its waiting sends too", async () => {
    const { open, mux } = connected({ limits: { channelWindowBytes: 10 } });
    const { out, incoming } = await open();
    let stops = 0;
    out.onStop = (): void => void stops++;
    await out.send(kib(1));
    const waiting = out.send(kib(1));
    await turns(2);
    incoming.stop();
    incoming.stop();
    await expect(waiting).rejects.toMatchObject({ code: "CNR_ERR_CANCELLED" });
    await expect(out.send(1)).rejects.toMatchObject({ code: "CNR_ERR_CANCELLED" });
    await turns(2);
    expect([stops, incoming.size]).toEqual([1, 0]);
    await expect(incoming.take()).rejects.toBeInstanceOf(ConnectionError);
    expect(mux.open(ChannelKind.pipe, "another", undefined).id).toBe(2);
  });

  it("may come from both sides at once", async () => {
    const { a, b, open } = connected();
    const { out, incoming } = await open();
    await out.send(1);
    await turns(2);
    incoming.stop();
    out.end();
    await turns(3);
    expect([a.ended, b.ended]).toEqual([undefined, undefined]);
  });

  it("comes with the session's, after what had arrived", async () => {
    const { a, open } = connected({ limits: { channelWindowBytes: 3000 } });
    const { out, incoming } = await open();
    const other = await open("other");
    await out.send("unread");
    await out.send(kib(4));
    const waiting = out.send(kib(4)).catch((error: unknown) => error);
    const reading = other.incoming.take().catch((error: unknown) => error);
    await turns(2);
    await a.close();
    await turns(2);
    expect([await waiting, await reading]).toMatchObject([
      { code: "CNR_ERR_CLOSED" },
      { code: "CNR_ERR_CLOSED" },
    ]);
    expect(await incoming.take()).toBe("unread");
    expect(await incoming.take()).toEqual(kib(4));
    await expect(incoming.take()).rejects.toMatchObject({ code: "CNR_ERR_CLOSED" });
  });

  it("by a lost link is told to readers and writers", async () => {
    const { a, open } = connected({ limits: { channelWindowBytes: 10 } });
    const { out, incoming } = await open();
    await out.send(kib(1));
    const waiting = out.send(1).catch((error: unknown) => error);
    await turns(2);
    incoming.tryTake();
    const reading = incoming.take().catch((error: unknown) => error);
    a.link.abort(new Error("cable"));
    expect(await waiting).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
    // The credit of what was read may still have let the waiting value through.
    expect([1, "lost"]).toContainEqual(
      await reading.then((value) =>
        (value as { code?: string }).code === "CNR_ERR_LINK_LOST" ? "lost" : value,
      ),
    );
  });
});

describe("channels that break the rules", () => {
  function inject(session: Session, type: number, ...numbers: number[]): void {
    const writer = session.begin(type);
    for (const number of numbers) writer.uint(number);
    session.commit();
  }

  it.each<[string, (a: Session) => void]>([
    ["a value on a channel that was never opened", (a) => inject(a, MessageType.channelValue, 77, 1)],
    ["bytes on a channel that was never opened", (a) => inject(a, MessageType.channelBytes, 77, 1)],
    ["a channel of a kind that nobody takes", (a) => inject(a, MessageType.channelOpen, 5, 99, 0)],
  ])("end the session: %s", async (_, breaking) => {
    const { a, b } = connected();
    breaking(a);
    await turns(5);
    expect(b.ended?.code).toBe("CNR_ERR_PROTOCOL");
  });

  it("end the session when they open one number twice", async () => {
    const { a, b, open } = connected();
    const { id } = await open();
    const writer = a.begin(MessageType.channelOpen);
    writer.uint(id);
    writer.uint(ChannelKind.pipe);
    writer.string("again");
    a.commit();
    await turns(5);
    expect(b.ended?.code).toBe("CNR_ERR_PROTOCOL");
  });

  it("end the session when they send more than they have credit for", async () => {
    const { a, b, open } = connected({ limits: { channelWindowBytes: 10_000 } });
    const { id } = await open();
    for (let n = 0; n < 20; n++) {
      const writer = a.begin(MessageType.channelValue);
      writer.uint(id);
      a.encoder.encode(writer, "x".repeat(1000));
      a.commit();
    }
    await turns(5);
    expect(b.ended?.message).toContain("more on a channel than it was given credit for");
  });

  it("are ignored where they may have crossed an end on the way", async () => {
    const { a, b, mux, open } = connected();
    const { id, out } = await open();
    out.end();
    mux.forget(id);
    for (const type of [MessageType.channelCredit, MessageType.channelStop, MessageType.channelEnd])
      inject(b, type, id, ...(type === MessageType.channelCredit ? [5] : []));
    await turns(5);
    expect([a.ended, b.ended]).toEqual([undefined, undefined]);
  });

  it("are refused on this side before the other side must cut the link", async () => {
    const { a, b, mux } = connected({ limits: { maxChannels: 3 } });
    for (let n = 0; n < 3; n++) mux.open(ChannelKind.pipe, `${n}`, undefined);
    expect(() => mux.open(ChannelKind.pipe, "one more", undefined)).toThrow(/limits\.maxChannels/);
    await turns(5);
    expect([a.ended, b.ended]).toEqual([undefined, undefined]);
    const writer = a.begin(MessageType.channelOpen);
    writer.uint(99);
    writer.uint(ChannelKind.pipe);
    writer.string("forced");
    a.commit();
    await turns(5);
    expect(b.ended?.message).toContain("more than 3 channels at once");
  });
});
