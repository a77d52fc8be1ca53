import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { dialPort, listenOnPort } from "../../src/transport/node/worker-port.ts";
import type { Link } from "../../src/transport/transport.ts";
import { fixture } from "../fixtures/programs.ts";
import { atEnd, refusalOf } from "../fixtures/secure-listener.ts";

/** A thread that has dialled this one, and what it has said of it by its parent port. */
interface Thread {
  readonly worker: Worker;
  readonly link: Link;
  readonly heard: string[];
  readonly end: Promise<Error | undefined>;
  said(pattern: RegExp): Promise<string>;
  tell(word: string): void;
}

async function thread(): Promise<Thread> {
  const worker = new Worker(fixture("dialling-thread.mjs"));
  atEnd(() => worker.terminate());
  worker.on("error", () => {});
  const messages: unknown[] = [];
  worker.on("message", (message) => void messages.push(message));
  const link = await new Promise<Link>((resolve) => void listenOnPort(worker, resolve));
  const heard: string[] = [];
  const end = new Promise<Error | undefined>((resolve) =>
    link.start({
      data: (bytes) => void heard.push(Buffer.from(bytes).toString()),
      drained() {},
      closed: resolve,
    }),
  );
  const said = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = messages.find((message) => typeof message === "string" && pattern.test(message));
      if (found !== undefined) return String(found);
      await once(worker, "message");
    }
  };
  return { worker, link, heard, end, said, tell: (word) => link.write([Buffer.from(word)]) };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("a link to a worker thread", () => {
  it("carries bytes both ways, and leaves the port to the program's own messages", async () => {
    const { link, heard, said, tell } = await thread();
    tell("hello");
    await until(() => heard.length > 0);
    expect(heard).toEqual(["hello"]);
    expect(await said(/^dialled/)).toBe(`dialled ${link.remoteAddress} ${link.localAddress}`);
    expect([link.localAddress.host, link.remoteAddress.host]).toEqual(["thread", "thread"]);
  });

  it("ends in order when the thread closes it", async () => {
    const { end, said, tell } = await thread();
    tell("close");
    expect(await end).toBeUndefined();
    expect(await said(/^closed/)).toBe("closed in order after 5");
  });

  it.each(["exit", "throw"])("ends when the thread ends by %s", async (word) => {
    const { end, tell } = await thread();
    tell(word);
    expect((await end)?.message).toContain("the other thread");
  });

  it("ends when the thread is terminated, while it stands still too", async () => {
    const { worker, end, tell } = await thread();
    tell("sleep");
    await worker.terminate();
    expect(await end).toBeInstanceOf(Error);
  });

  it("ends in the thread when it is aborted here", async () => {
    const { link, said } = await thread();
    link.abort();
    expect(await said(/^closed/)).toMatch(/^closed the other thread has ended the link/);
  });

  it("holds back what a thread that stands still does not read, and then all arrives", async () => {
    const { link, said, tell } = await thread();
    tell("sleep");
    const chunk = new Uint8Array(100_000);
    for (let n = 0; n < 100; n++) link.write([chunk]);
    // One window is on the way, and no more.
    expect(link.bufferedBytes).toBeGreaterThan(10_000_000 - 2 * 1024 * 1024);
    await link.close();
    expect(await said(/^closed/)).toBe(`closed in order after ${10_000_000 + 5}`);
  });
});

describe("a port", () => {
  it("takes any number of links, each with an address of its own, until it is listened to no more", async () => {
    const { port1, port2 } = new MessageChannel();
    atEnd(() => port1.close());
    const accepted: Link[] = [];
    const listening = listenOnPort(port1, (link) => void accepted.push(link));
    const dialled = await Promise.all([dialPort(port2), dialPort(port2), dialPort(port2)]);
    expect(new Set(dialled.map(({ localAddress }) => `${localAddress}`)).size).toBe(3);
    expect(accepted).toHaveLength(3);
    listening[Symbol.dispose]();
    expect((await refusalOf(dialPort(port2, { timeoutMs: 20 }))).code).toBe("CNR_ERR_TIMEOUT");
    expect(accepted).toHaveLength(3);
    for (const link of dialled) link.abort();
  });

  it("gives up by signal, and when its other end closes", async () => {
    const { port1, port2 } = new MessageChannel();
    const reason = new Error("enough");
    expect(await refusalOf(dialPort(port2, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const dialled = refusalOf(dialPort(port2, { signal: controller.signal }));
    controller.abort(reason);
    expect(await dialled).toBe(reason);
    const waiting = refusalOf(dialPort(port2));
    port1.on("message", (message: Record<string, { close(): void }>) => message["connector/1"]?.close());
    expect((await waiting).code).toBe("CNR_ERR_LINK_LOST");
    port1.close();
  });

  it("whose other end posts nonsense costs this link alone", async () => {
    const { port1, port2 } = new MessageChannel();
    port1.on("message", (message: Record<string, MessagePort>) => {
      message["connector/1"]?.postMessage({ server: 0, client: 1 });
      message["connector/1"]?.postMessage({ neither: "bytes nor credit" });
    });
    const link = await dialPort(port2);
    const end = new Promise((resolve) => link.start({ data() {}, drained() {}, closed: resolve }));
    expect(String(await end)).toContain("no part of a link");
    port1.close();
  });

  it("lets other messages pass", async () => {
    const { port1, port2 } = new MessageChannel();
    atEnd(() => port1.close());
    const links: Link[] = [];
    listenOnPort(port1, (link) => void links.push(link));
    for (const message of ["text", 5, null, undefined, { other: 1 }, [1]]) port2.postMessage(message);
    (await dialPort(port2)).abort();
    expect(links).toHaveLength(1);
  });
});
