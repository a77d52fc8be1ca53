import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { getContext } from "../../../src/rpc/call-context.ts";
import { collected } from "../functions/garbage.ts";
import { watched, watcher } from "./signal-watcher.ts";
import { failureOf, sidesOfTests, turns } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

describe("a signal in the arguments of a call", () => {
  it("arrives as an AbortSignal that aborts when the original does, with its reason", async () => {
    const controller = new AbortController();
    const { remote, finish } = await watched(await open(), controller.signal);
    expect(remote).toBeInstanceOf(AbortSignal);
    expect(remote.aborted).toBe(false);
    const heard: unknown[] = [];
    remote.addEventListener("abort", () => heard.push(remote.reason));
    controller.abort(Object.assign(new RangeError("too far"), { code: "E_FAR" }));
    await turns();
    expect(remote.aborted).toBe(true);
    expect(heard).toEqual([
      expect.objectContaining({ name: "RangeError", message: "too far", code: "E_FAR" }),
    ]);
    expect(heard[0]).toBeInstanceOf(RangeError);
    await finish();
  });

  it.each([
    ["a text", "enough"],
    ["null", null],
    ["false", false],
    ["an object", { code: 7, deep: [1n] }],
  ])("brings %s as the reason as it is", async (_, reason) => {
    const controller = new AbortController();
    const { remote, finish } = await watched(await open(), controller.signal);
    controller.abort(reason);
    await turns();
    expect(remote.reason).toEqual(reason);
    await finish();
  });

  it("without a reason of its own has the usual one", async () => {
    const controller = new AbortController();
    const { remote, finish } = await watched(await open(), controller.signal);
    controller.abort();
    await turns();
    expect(remote.reason).toBeInstanceOf(DOMException);
    expect(remote.reason).toMatchObject({ name: "AbortError" });
    await finish();
  });

  it("that has aborted arrives aborted, with its reason", async () => {
    const { server, client } = await open();
    server.expose({ look: ({ aborted, reason }: AbortSignal) => [aborted, reason] });
    expect(await client.call("look", [AbortSignal.abort("before")])).toEqual([true, "before"]);
    const [aborted, reason] = await client.call<unknown[]>("look", [AbortSignal.abort()]);
    expect([aborted, (reason as Error).name]).toEqual([true, "AbortError"]);
  });

  it("is found anywhere in them, and one that occurs twice is one there", async () => {
    const { client, server } = await open();
    const { given, gate } = watcher(server);
    const [one, two] = [new AbortController(), new AbortController()];
    const call = client.call("watch", [
      { options: { signal: one.signal } },
      new Map([["two", [two.signal, one.signal]]]),
    ]);
    await turns();
    const [first, second] = given as [{ options: { signal: AbortSignal } }, Map<string, AbortSignal[]>];
    expect(second.get("two")?.[1]).toBe(first.options.signal);
    two.abort("two");
    await turns();
    expect(first.options.signal.aborted).toBe(false);
    expect(second.get("two")?.[0]?.reason).toBe("two");
    gate.open();
    await call;
  });

  it("that has aborted with a reason that leads back to it keeps its shape", async () => {
    const { client, server } = await open();
    server.expose({
      look: (signal: AbortSignal) => (signal.reason as { signal: unknown }).signal === signal,
    });
    const reason: { signal?: AbortSignal } = {};
    reason.signal = AbortSignal.abort(reason);
    expect(await client.call("look", [reason.signal])).toBe(true);
  });

  it("works in calls of callbacks, in the other direction", async () => {
    const { client, server } = await open();
    const controller = new AbortController();
    server.expose({ start: (run: (signal: AbortSignal) => Promise<unknown>) => run(controller.signal) });
    const call = client.call("start", [
      (signal: AbortSignal) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason))),
    ]);
    await turns();
    controller.abort("from the server");
    expect(await call).toBe("from the server");
  });

  it("is passed on over another link like any other", async () => {
    const [first, second] = [await open(), await open()];
    const { given, gate } = watcher(second.server);
    first.server.expose({ pass: (signal: AbortSignal) => second.client.call("watch", [signal]) });
    const controller = new AbortController();
    const call = first.client.call("pass", [controller.signal]);
    await turns();
    controller.abort("far");
    await turns();
    expect(given).toMatchObject([{ aborted: true, reason: "far" }]);
    gate.open();
    await call;
  });

  it("aborts though nothing but a listener of it is left there", async () => {
    const { client, server } = await open();
    const heard: unknown[] = [];
    server.expose({
      listen(signal: AbortSignal) {
        signal.addEventListener("abort", () => heard.push("aborted"));
        return new Promise(() => {});
      },
    });
    const controller = new AbortController();
    const call = client.call("listen", [controller.signal]);
    let rounds = 0;
    await collected(() => ++rounds > 5);
    controller.abort();
    await turns();
    expect(heard).toEqual(["aborted"]);
    call.cancel();
  });

  it("stays as it is when only the call is cancelled: the function still has it", async () => {
    const controller = new AbortController();
    const sides = await open();
    const { given } = watcher(sides.server);
    const call = sides.client.call("watch", [controller.signal]);
    await turns();
    call.cancel();
    await turns();
    expect((given[0] as AbortSignal).aborted).toBe(false);
    controller.abort("later");
    await turns();
    expect((given[0] as AbortSignal).reason).toBe("later");
  });
});

describe("after its call has ended", () => {
  it("nothing listens to the original, and the remote signal stays as it is", async () => {
    const controller = new AbortController();
    const { remote, finish } = await watched(await open(), controller.signal);
    expect(listenersOf(controller.signal)).toBe(1);
    await finish();
    expect(listenersOf(controller.signal)).toBe(0);
    controller.abort("late");
    await turns();
    expect(remote.aborted).toBe(false);
  });

  it("so it is however the call ends", async () => {
    const { client, server } = await open();
    server.expose({
      sync: () => 1,
      fails: () => Promise.reject(new Error("no")),
      unsendable: () => Symbol("s"),
      async *streams(signal: AbortSignal) {
        yield signal.aborted;
        yield signal.aborted;
      },
    });
    const { signal } = new AbortController();
    await client.call("sync", [signal]);
    for (const name of ["fails", "unsendable", "nobody's"]) await failureOf(client.call(name, [signal]));
    const stream = await client.call<AsyncGenerator<unknown>>("streams", [signal]);
    await turns();
    const seen: unknown[] = [];
    for await (const aborted of stream) seen.push(aborted);
    expect(seen).toEqual([false, false]);
    await turns();
    expect(listenersOf(signal)).toBe(0);
  });

  it("a generator's call ends with its last value: until then the signal aborts", async () => {
    const { client, server } = await open({ limits: { channelWindowBytes: 10 } });
    server.expose({
      async *count(signal: AbortSignal) {
        for (let n = 0; !signal.aborted; n++) yield n;
        yield signal.reason;
      },
    });
    const controller = new AbortController();
    const seen: unknown[] = [];
    for await (const n of client.call<AsyncGenerator<unknown>>("count", [controller.signal])) {
      seen.push(n);
      if (n === 3) controller.abort("enough");
    }
    expect(seen.slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect(seen.at(-1)).toBe("enough");
    await turns();
    expect(listenersOf(controller.signal)).toBe(0);
  });

  it("a signal that ends any number of calls has one listener, and takes no place", async () => {
    const { client, server } = await open({ limits: { maxReferences: 3 } });
    const { gate } = watcher(server);
    server.expose({ sync: () => 1 });
    const { signal } = new AbortController();
    const calls = [1, 2, 3].map(() => client.call("watch", [signal]));
    expect(await failureOf(client.call("watch", [signal]))).toMatchObject({
      code: "CNR_ERR_TOO_MANY",
      details: { option: "maxReferences", max: 3 },
    });
    expect(listenersOf(signal)).toBe(1);
    gate.open();
    await Promise.all(calls);
    for (let n = 0; n < 50; n++) expect(await client.call("sync", [signal, signal])).toBe(1);
    await turns();
    expect(listenersOf(signal)).toBe(0);
  });

  it("signals that have aborted take no place, but in their message", async () => {
    const { client, server } = await open({ limits: { maxReferences: 3 } });
    server.expose({ count: (...args: unknown[]) => args.length });
    const signals = Array.from({ length: 4 }, () => AbortSignal.abort("why"));
    for (let n = 0; n < 5; n++) {
      expect(await client.call("count", signals.slice(1))).toBe(3);
      expect(await failureOf(client.call("count", signals))).toMatchObject({ code: "CNR_ERR_TOO_MANY" });
    }
  });

  it("or when its message was not sent, nothing listens either", async () => {
    const { client, server } = await open({ limits: { maxReferences: 1 } });
    server.expose({ sync: () => 1 });
    const { signal } = new AbortController();
    const shared = {};
    for (let n = 0; n < 3; n++) {
      await failureOf(client.call("sync", [signal, Symbol("s")]));
      // Written as a tree first, then anew as a graph.
      expect(await client.call("sync", [signal, shared, shared])).toBe(1);
      await turns();
      expect(listenersOf(signal)).toBe(0);
    }
  });
});

describe("when the link ends", () => {
  it("the remote signal of a running call aborts with the reason, and nothing listens to the original", async () => {
    const controller = new AbortController();
    const { sides, remote } = await watched(await open(), controller.signal);
    await sides.client.session.close();
    await turns();
    expect(remote.reason).toMatchObject({ name: "ConnectionError", code: "CNR_ERR_CLOSED" });
    expect(listenersOf(controller.signal)).toBe(0);
    controller.abort();
    await turns();
    expect(remote.reason).toMatchObject({ code: "CNR_ERR_CLOSED" });
  });

  it("a signal that its end aborts is told to nobody, and harms nobody", async () => {
    const { client, server } = await open();
    const controller = new AbortController();
    server.expose({
      async *stream(watch: (signal: AbortSignal) => Promise<unknown>) {
        getContext().signal.addEventListener("abort", () => controller.abort("the link ended"));
        void watch(controller.signal);
        yield 1;
        await new Promise(() => {});
      },
    });
    let remote: AbortSignal | undefined;
    const stream = await client.call<AsyncGenerator<unknown>>("stream", [
      (signal: AbortSignal) => {
        remote = signal;
        return new Promise(() => {});
      },
    ]);
    expect(await stream.next()).toMatchObject({ value: 1 });
    await turns();
    server.session.abort(failure("CNR_ERR_LINK_LOST", { reason: "pulled" }));
    await turns();
    expect(controller.signal.reason).toBe("the link ended");
    expect(remote?.reason).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
  });

  it("the remote signal of a call that had ended stays as it is", async () => {
    const { sides, remote, finish } = await watched(await open(), new AbortController().signal);
    await finish();
    await sides.client.session.close();
    await turns();
    expect(remote.aborted).toBe(false);
  });
});

describe("elsewhere", () => {
  it("signals are refused, with their place: in results, streams and pipes", async () => {
    const { client, server } = await open();
    const { signal } = new AbortController();
    server.expose({
      give: () => ({ deep: [signal] }),
      async *stream() {
        yield signal;
      },
    });
    const refusal = (path: string): object => ({
      code: "CNR_ERR_UNSENDABLE",
      message: expect.stringContaining(`${path} cannot be sent: an AbortSignal travels in the arguments`),
    });
    expect(await failureOf(client.call("give"))).toMatchObject(refusal("value.deep[0]"));
    const stream = await client.call<AsyncGenerator<unknown>>("stream");
    expect(await failureOf(stream.next())).toMatchObject(refusal("value"));
    expect(await failureOf(client.pipes.main.send({ signal }))).toMatchObject(refusal("value.signal"));
    expect(await client.call("give").exception()).toBeInstanceOf(Error);
    expect(listenersOf(signal)).toBe(0);
  });

  it("a signal is no limit on callbacks, nor they on it", async () => {
    const { client, server } = await open({ limits: { maxReferences: 1 } });
    server.expose({ run: (fn: (aborted: boolean) => unknown, signal: AbortSignal) => fn(signal.aborted) });
    const { signal } = new AbortController();
    expect(await client.call("run", [(aborted: boolean) => aborted, signal])).toBe(false);
  });
});
