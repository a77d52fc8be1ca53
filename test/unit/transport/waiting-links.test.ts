import { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectorError, failure } from "../../../src/core/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../src/core/limits.ts";
import { FailureCount } from "../../../src/transport/node/failure-count.ts";
import { type WaitingLink, WaitingLinks } from "../../../src/transport/node/waiting-links.ts";

const wrong = failure("CNR_ERR_WRONG_KEY");

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Door {
  readonly waiting: WaitingLinks;
  readonly refused: [ConnectorError, string][];
  /** Somebody comes from there; undefined when it is turned away at once. */
  come(host: string): (WaitingLink & { readonly socket: Socket }) | undefined;
}

function door(limits: Partial<Limits> = {}): Door {
  const refused: [ConnectorError, string][] = [];
  const waiting = new WaitingLinks({ ...DEFAULT_LIMITS, ...limits }, (error, from) => {
    refused.push([error, from]);
  });
  let port = 0;
  return { waiting, refused, come: (host) => waiting.admit(new Socket(), host, ++port) };
}

const tick = (): void => void vi.advanceTimersByTime(DEFAULT_LIMITS.maxHandshakeMs / 10);

describe("links that wait", () => {
  it("are so many in all: a crowd that comes at once is turned away, and ends none before it", () => {
    const { waiting, come } = door();
    const links = Array.from({ length: 300 }, (_, n) => come(`10.0.${n}.1`));
    expect(waiting.size).toBe(256);
    expect(links.slice(0, 256).every((link) => link && !link.socket.destroyed)).toBe(true);
    expect(links.slice(256).every((link) => link === undefined)).toBe(true);
  });

  it("give way when they have been silent for a while: the oldest first", () => {
    const { waiting, refused, come } = door();
    const links = Array.from({ length: 256 }, (_, n) => come(`10.0.${n}.1`));
    tick();
    expect(come("192.0.2.1")).toBeDefined();
    expect([links[0]?.socket.destroyed, links[1]?.socket.destroyed]).toEqual([true, false]);
    expect(refused.map(([{ code }, from]) => [code, from])).toEqual([["CNR_ERR_TOO_MANY", "10.0.0.1:1"]]);
    expect(waiting.size).toBe(256);
  });

  it("are so many from one address, and do not keep others out", () => {
    const { waiting, come } = door();
    const links = Array.from({ length: 40 }, () => come("10.0.0.1"));
    expect(links.filter(Boolean)).toHaveLength(32);
    expect(come("10.0.0.2")).toBeDefined();
    tick();
    expect(come("10.0.0.1")).toBeDefined();
    expect(links[0]?.socket.destroyed).toBe(true);
    expect(waiting.size).toBe(33);
  });

  it("are so many from one IPv6 network, whatever addresses it takes", () => {
    const { come } = door();
    const links = Array.from({ length: 40 }, (_, n) => come(`2001:db8::${n + 1}`));
    expect(links.filter(Boolean)).toHaveLength(32);
  });

  it("are bounded by the total alone where all programs of the machine have one address", () => {
    const { come } = door();
    expect(Array.from({ length: 300 }, () => come("127.0.0.1")).filter(Boolean)).toHaveLength(256);
  });

  it("end after their time, counted in ticks: a program that stood still ends nobody", () => {
    const { waiting, refused, come } = door();
    const link = come("10.0.0.1");
    for (let n = 0; n < 10; n++) tick();
    expect([link?.socket.destroyed, waiting.size]).toEqual([false, 1]);
    tick();
    expect([link?.socket.destroyed, waiting.size]).toEqual([true, 0]);
    expect(refused[0]?.[0].details).toEqual({ what: "the handshake with 10.0.0.1:1", timeoutMs: 5000 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("end when they have sent more than a handshake takes", () => {
    const { refused, come } = door();
    const link = come("10.0.0.1");
    if (link) Object.defineProperty(link.socket, "bytesRead", { value: 4097 });
    tick();
    expect([link?.socket.destroyed, refused[0]?.[0].code]).toEqual([true, "CNR_ERR_NOT_CONNECTOR"]);
  });

  it("are counted no more when they have proved their key, were refused or have gone", async () => {
    const { waiting, refused, come } = door();
    const links = Array.from({ length: 3 }, () => come("10.0.0.1"));
    links[0]?.leave();
    links[1]?.refuse(wrong);
    links[1]?.refuse(wrong);
    links[2]?.socket.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting.size).toBe(0);
    // Who said nothing and went is no news.
    expect(refused.map(([{ code }]) => code)).toEqual(["CNR_ERR_WRONG_KEY"]);
    links[0]?.refuse(wrong);
    expect([links[0]?.socket.destroyed, refused.length]).toEqual([false, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("all end when the listener does", async () => {
    const { waiting, come } = door();
    for (let n = 0; n < 5; n++) come("10.0.0.1");
    waiting.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect([waiting.size, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

describe("an address that fails again and again", () => {
  it("is not listened to for a while, and others are", () => {
    const { come, refused } = door();
    for (let n = 0; n < 10; n++) come("10.0.0.1")?.refuse(wrong);
    expect([come("10.0.0.1"), refused.length]).toEqual([undefined, 10]);
    expect(come("10.0.0.2")).toBeDefined();
    vi.advanceTimersByTime(10_000);
    expect(come("10.0.0.1")).toBeDefined();
  });

  it("fails also by beginning handshakes and leaving them, except on this machine; silence is no failure", async () => {
    const { come, refused } = door();
    const leave = async (host: string, bytes: number): Promise<void> => {
      const link = come(host);
      if (link) Object.defineProperty(link.socket, "bytesRead", { value: bytes });
      link?.socket.destroy();
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (let n = 0; n < 10; n++) {
      await leave("10.0.0.1", 500);
      await leave("10.0.0.2", 0);
      await leave("127.0.0.1", 500);
    }
    expect([come("10.0.0.1"), come("10.0.0.2")?.isSuspect, come("127.0.0.1")?.isSuspect]).toEqual([
      undefined,
      false,
      false,
    ]);
    expect(refused.map(([{ code }]) => code)).toEqual(Array(20).fill("CNR_ERR_LINK_LOST"));
  });

  it("is only slowed down where other programs of the machine share it", () => {
    const { come } = door();
    for (let n = 0; n < 10; n++) {
      const link = come("127.0.0.1");
      expect(link?.isSuspect).toBe(false);
      link?.refuse(wrong);
    }
    expect(come("127.0.0.1")?.isSuspect).toBe(true);
    vi.advanceTimersByTime(10_000);
    expect(come("127.0.0.1")?.isSuspect).toBe(false);
  });

  it("costs bounded memory, whatever number of addresses fail", () => {
    const failures = new FailureCount(2);
    for (let n = 0; n < 10_000; n++) failures.add(`${n}`);
    for (let n = 0; n < 10_000; n++) failures.add(`${n}`);
    expect(failures.size).toBe(4096);
    failures.add("9999");
    expect([failures.isOver("9999"), failures.isOver("1")]).toEqual([true, false]);
  });
});
