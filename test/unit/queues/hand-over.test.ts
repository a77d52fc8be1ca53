import { setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { CodecError } from "../../../src/core/errors.ts";
import { type PausableLink, pausableLinkPair } from "./pausable-link.ts";
import { outcomeOf, turns, worlds } from "./queue-world.ts";
import { ignoreQueues, writeOpen, writePut } from "./raw-messages.ts";

const world = worlds();

describe("the hand-over of an item", () => {
  it("is not done before the getter's side has acknowledged it: a getter that is killed swallows nothing", async () => {
    const all = world({ links: pausableLinkPair });
    const [a, b] = [all.connect(), all.connect()];
    const first = outcomeOf(a.queue().get());
    await turns();
    const second = outcomeOf(b.queue().get());
    await turns();
    // Nothing that a sends arrives any more: its acknowledgement is lost with it.
    (a.link as PausableLink).isMute = true;
    await all.server.get("tasks").put("x");
    await turns();
    expect(first.value).toBe("x");
    expect(second.settled).toBe(false);
    a.kill();
    await turns();
    expect(second.value).toBe("x");
  });

  it("that was acknowledged is for good", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const first = a.queue().get();
    await turns();
    const second = outcomeOf(b.queue().get());
    await all.server.get("tasks").put("x");
    expect(await first).toBe("x");
    await turns();
    a.kill();
    await turns();
    expect(second.settled).toBe(false);
    expect(all.store.size("tasks")).toEqual({ ready: 0, leased: 0, delayed: 0 });
  });

  it("leaves before what the getter sends because of the item", async () => {
    const all = world();
    const client = all.connect();
    await all.server.get("tasks").put("x");
    await client.queue().get();
    let leased = -1;
    all.clients[0]?.served.handle({ 200: () => (leased = all.store.size("tasks").leased) });
    client.session.begin(200);
    client.session.commit();
    await turns();
    expect(leased).toBe(0);
  });

  it("gives all that a dead getter held back to their places, in order", async () => {
    const all = world({ links: pausableLinkPair });
    const [a, b] = [all.connect(), all.connect()];
    for (let n = 0; n < 3; n++)
      void a
        .queue()
        .get()
        .catch(() => {});
    await turns();
    (a.link as PausableLink).isMute = true;
    for (let n = 0; n < 5; n++) await all.server.get("tasks").put(n);
    await turns();
    expect(all.store.size("tasks")).toEqual({ ready: 2, leased: 3, delayed: 0 });
    a.kill();
    await turns();
    const got = [];
    for (let n = 0; n < 5; n++) got.push(await b.queue().get());
    expect(got).toEqual([0, 1, 2, 3, 4]);
  });

  it("drops the demand of a getter that is gone", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const { signal } = new AbortController();
    for (const wait of [{}, { signal }])
      void a
        .queue()
        .get(wait)
        .catch(() => {});
    await turns();
    a.kill();
    await turns();
    await b.queue().put(1);
    await b.queue().put(2);
    expect([await b.queue().get(), await b.queue().get()]).toEqual([1, 2]);
  });

  it("returns what arrives after its getter has given up, to the place where it was", async () => {
    const all = world({ links: pausableLinkPair });
    const [a, b] = [all.connect(), all.connect()];
    const abort = new AbortController();
    const given = a.queue().get({ signal: abort.signal });
    await turns();
    (a.link as PausableLink).hold();
    await b.queue().put("first");
    await b.queue().put("second");
    const late = a.queue().get({ timeoutMs: 60_000 });
    await turns();
    expect(all.store.size("tasks").leased).toBe(2);
    abort.abort("no");
    await expect(given).rejects.toBe("no");
    (a.link as PausableLink).release();
    // Each place has its own item: the second was for the get that still waits.
    expect(await late).toBe("second");
    await turns();
    expect(await b.queue().get()).toBe("first");
    expect(all.store.size("tasks").ready).toBe(0);
  });
});

describe("an item that cannot be read", () => {
  const bodies: Record<string, number[]> = {
    "is no value": [0xc1, 0x7f],
    "ends too early": [0x93, 1],
    "is empty": [],
    "has something behind its value": [1, 2],
    "is nested too deep": [...new Array<number>(300).fill(0x91), 1],
    "names bytes beside it": [0xc1, 0x0d, 5],
    "holds a function where none is taken": [0xc1, 0x0c, 1],
  };
  for (const [name, body] of Object.entries(bodies)) {
    it(`because it ${name} fails its get with CodecError, and no link`, async () => {
      const all = world();
      const { session } = all.connectBare();
      const client = all.connect();
      ignoreQueues(session);
      writeOpen(session, 1, "tasks");
      for (const queue of [client.queue(), all.server.get("tasks")]) {
        writePut(session, 1, new Uint8Array(body));
        await turns();
        const error: unknown = await queue.get().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(CodecError);
        expect(await queue.size()).toBe(0);
        await queue.put("good");
        expect(await queue.get({ timeoutMs: 5000 })).toBe("good");
      }
      expect([session.ended, client.session.ended, client.served.ended]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      await turns();
      expect(all.store.size("tasks")).toEqual({ ready: 0, leased: 0, delayed: 0 });
    });
  }
});

describe("a getter that does not read", () => {
  it("is sent no more than the limit: the rest stays in the queue, for others", async () => {
    const all = world({ links: pausableLinkPair, limits: { maxUnsentBytes: 50_000 } });
    const [slow, fast] = [all.connect(), all.connect()];
    const slowGets = Array.from({ length: 400 }, () => outcomeOf(slow.queue<string>().get()));
    await turns();
    (slow.link as PausableLink).hold();
    const text = "x".repeat(1000);
    for (let n = 0; n < 400; n++) void all.server.get("tasks").put(`${n} ${text}`);
    await turns();
    const { ready, leased } = all.store.size("tasks");
    expect(ready + leased).toBe(400);
    expect(leased).toBeLessThan(200);
    const others = [];
    for (let n = 0; n < 100; n++) others.push(await fast.queue<string>().get());
    (slow.link as PausableLink).release();
    await turns(40);
    const got = slowGets.flatMap((get) => (get.value === undefined ? [] : [get.value]));
    const numbers = [...got, ...others].map((item) => Number.parseInt(item, 10));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, n) => n));
    // Its other gets wait on.
    for (let n = 0; n < 100; n++) void all.server.get("tasks").put("later");
    await turns(40);
    expect(slowGets.every((get) => get.settled)).toBe(true);
  });

  it("may give up meanwhile", async () => {
    const all = world({ links: pausableLinkPair, limits: { maxUnsentBytes: 10_000 } });
    const slow = all.connect();
    const abort = new AbortController();
    setMaxListeners(50, abort.signal);
    const gets = Array.from({ length: 50 }, () => outcomeOf(slow.queue().get({ signal: abort.signal })));
    await turns();
    (slow.link as PausableLink).hold();
    for (let n = 0; n < 50; n++) void all.server.get("tasks").put("x".repeat(1000));
    await turns();
    abort.abort("no");
    await turns();
    expect(gets.every((get) => get.error === "no")).toBe(true);
    (slow.link as PausableLink).release();
    await turns(40);
    expect(all.store.size("tasks")).toEqual({ ready: 50, leased: 0, delayed: 0 });
    expect(await slow.queue().get({ timeoutMs: 5000 })).toBe("x".repeat(1000));
  });
});
