import { describe, expect, it } from "vitest";
import { TimeoutError } from "../../../src/core/errors.ts";
import type { Queue } from "../../../src/queues/queue.ts";
import { outcomeOf, turns, worlds } from "./queue-world.ts";

const world = worlds();
const reasonOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** The same in both places: over a session, and in the host's own process. */
const sides: Record<string, () => { queue: Queue; other: Queue }> = {
  "at a client": () => {
    const all = world();
    return { queue: all.connect().queue(), other: all.server.get("tasks") };
  },
  "at the server": () => {
    const all = world();
    return { queue: all.server.get("tasks"), other: all.connect().queue() };
  },
};

for (const [where, open] of Object.entries(sides)) {
  describe(`a get ${where}`, () => {
    it("that times out rejects with TimeoutError naming the queue", async () => {
      const error = await reasonOf(open().queue.get({ timeoutMs: 5 }));
      expect(error).toBeInstanceOf(TimeoutError);
      expect((error as Error).message).toBe('get from queue "tasks" did not finish within 5 ms');
    });

    it("that is aborted rejects with the signal's reason", async () => {
      const abort = new AbortController();
      const got = reasonOf(open().queue.get({ signal: abort.signal }));
      abort.abort("enough");
      expect(await got).toBe("enough");
    });

    it("with an aborted signal asks nobody", async () => {
      const { queue, other } = open();
      await other.put("stays");
      const signal = AbortSignal.abort("before");
      expect(await reasonOf(queue.get({ signal }))).toBe("before");
      expect(await reasonOf(queue.tryGet({ signal }))).toBe("before");
      expect(await reasonOf(queue.put(1, { signal }))).toBe("before");
      expect(await reasonOf(queue.tryPut(1, { signal }))).toBe("before");
      expect(await reasonOf(queue.size({ signal }))).toBe("before");
      expect(await other.size()).toBe(1);
    });

    it("that was given up swallows nothing, however late the item comes", async () => {
      const { queue, other } = open();
      const abort = new AbortController();
      const got = reasonOf(queue.get({ signal: abort.signal }));
      await turns();
      void other.put("first");
      abort.abort("given up");
      expect(await got).toBe("given up");
      await other.put("second");
      await turns();
      expect([await other.get(), await other.get()]).toEqual(["first", "second"]);
    });

    it("leaves neither listeners nor timers behind", async () => {
      const { queue, other } = open();
      const abort = new AbortController();
      let listeners = 0;
      const { signal } = abort;
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = (...given: Parameters<typeof add>) => {
        listeners++;
        add(...given);
      };
      signal.removeEventListener = (...given: Parameters<typeof remove>) => {
        listeners--;
        remove(...given);
      };
      for (let n = 0; n < 20; n++) await other.put(n);
      for (let n = 0; n < 10; n++) await queue.get({ signal, timeoutMs: 60_000 });
      for (let n = 0; n < 10; n++) await queue.tryGet({ signal });
      await queue.tryGet({ signal });
      await reasonOf(queue.get({ signal, timeoutMs: 0 }));
      await queue.put(1, { signal });
      expect(listeners).toBe(0);
    });

    it("with timeoutMs 0 takes what is there, and rejects with TimeoutError when nothing is", async () => {
      const { queue, other } = open();
      await other.put("there");
      expect(await queue.get({ timeoutMs: 0 })).toBe("there");
      const error = await reasonOf(queue.get({ timeoutMs: 0 }));
      expect(error).toBeInstanceOf(TimeoutError);
    });

    it("without end may be said in two ways", async () => {
      const { queue, other } = open();
      const gets = [queue.get({ timeoutMs: Number.POSITIVE_INFINITY }), queue.get({})];
      await other.put(1);
      await other.put(2);
      expect(await Promise.all(gets)).toEqual([1, 2]);
    });

    it("can be given up many times, and those that wait still get all", async () => {
      const { queue, other } = open();
      const waiting = Array.from({ length: 20 }, () => queue.get({ timeoutMs: 60_000 }));
      for (let n = 0; n < 200; n++) {
        const abort = new AbortController();
        const got = reasonOf(queue.get({ signal: abort.signal }));
        if (n % 3 === 0) await turns(1);
        abort.abort();
        await got;
      }
      for (let n = 0; n < 20; n++) await other.put(n);
      expect(await Promise.all(waiting)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(await queue.size()).toBe(0);
    });
  });

  describe(`tryGet ${where}`, () => {
    it("gives undefined when nothing is there, and the item when one is", async () => {
      const { queue, other } = open();
      expect(await queue.tryGet()).toBeUndefined();
      await other.put("x");
      expect(await queue.tryGet()).toBe("x");
      expect(await queue.tryGet()).toBeUndefined();
    });

    it("does not leave a wait behind", async () => {
      const { queue, other } = open();
      await queue.tryGet();
      await other.put("x");
      expect(await other.size()).toBe(1);
    });

    it("takes nothing from an older get", async () => {
      const { queue, other } = open();
      const older = outcomeOf(other.get());
      await turns();
      const tried = queue.tryGet();
      const put = other.put("x");
      expect(await tried).toBeUndefined();
      await put;
      await turns();
      expect(older.value).toBe("x");
    });

    it("takes nothing from an older get of the same side", async () => {
      const { queue, other } = open();
      const older = outcomeOf(queue.get());
      const tried = queue.tryGet();
      void other.put("x");
      expect(await tried).toBeUndefined();
      await turns();
      expect(older.value).toBe("x");
    });

    it("that is aborted on the way loses nothing", async () => {
      const { queue, other } = open();
      await other.put("x");
      const abort = new AbortController();
      const tried = queue.tryGet({ signal: abort.signal });
      const outcome = outcomeOf(tried);
      abort.abort("no");
      await turns();
      // At the server the item was there in the same step; at a client it is back in its place.
      if (outcome.value === "x") expect(await other.size()).toBe(0);
      else {
        expect(outcome.error).toBe("no");
        expect(await other.get({ timeoutMs: 0 })).toBe("x");
      }
    });

    it("many at once share out what there is", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 5; n++) await other.put(n);
      const got = await Promise.all(Array.from({ length: 8 }, () => queue.tryGet()));
      expect(got).toEqual([0, 1, 2, 3, 4, undefined, undefined, undefined]);
    });
  });

  describe(`questions ${where}`, () => {
    it("are answered: size and clear", async () => {
      const { queue, other } = open();
      expect(await queue.size()).toBe(0);
      for (let n = 0; n < 3; n++) await other.put(n);
      await other.put("later", { delayMs: 60_000 });
      expect(await queue.size()).toBe(4);
      expect(await queue.clear()).toBe(4);
      expect(await queue.size({ timeoutMs: 5000 })).toBe(0);
      expect(await queue.clear()).toBe(0);
    });

    it("see what the same side has put before", async () => {
      const { queue } = open();
      void queue.put(1);
      void queue.put(2);
      expect(await queue.size()).toBe(2);
    });
  });

  describe(`a loop over a queue ${where}`, () => {
    it("gets item after item, and leaving it loses nothing", async () => {
      const { queue, other } = open();
      for (let n = 0; n < 5; n++) await other.put(n);
      const got = [];
      for await (const item of queue) {
        got.push(item);
        if (got.length === 3) break;
      }
      expect(got).toEqual([0, 1, 2]);
      await turns();
      expect(await other.size()).toBe(2);
      for await (const item of queue) {
        got.push(item);
        if (got.length === 5) break;
      }
      expect(got).toEqual([0, 1, 2, 3, 4]);
    });
  });
}
