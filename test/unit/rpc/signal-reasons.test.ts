import { afterEach, describe, expect, it } from "vitest";
import { watched, watcher } from "./signal-watcher.ts";
import { failureOf, sidesOfTests, turns } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

describe("the reason of an abort", () => {
  it("that cannot travel arrives with less in it, or as the error that says why", async () => {
    const cases: [reason: unknown, arrives: unknown][] = [
      [
        Object.assign(new RangeError("text"), { socket: new WeakMap() }),
        { name: "RangeError", message: "text" },
      ],
      [{ fn: () => 1 }, { code: "CNR_ERR_UNSENDABLE" }],
      [Symbol("s"), { code: "CNR_ERR_UNSENDABLE" }],
    ];
    for (const [reason, arrives] of cases) {
      const controller = new AbortController();
      const { remote, finish } = await watched(await open(), controller.signal);
      controller.abort(reason);
      await turns();
      expect(remote.reason).toMatchObject(arrives as object);
      await finish();
    }
  });

  it("of which nothing can travel is the usual one", async () => {
    const { client, server } = await open({ limits: { maxValueBytes: 30 } });
    const { given } = watcher(server);
    const controller = new AbortController();
    const call = client.call("watch", [controller.signal]);
    await turns();
    controller.abort(new Error("x".repeat(1000)));
    await turns();
    expect(given).toMatchObject([{ aborted: true, reason: { name: "AbortError" } }]);
    call.cancel();
  });

  it("that cannot travel refuses a call that is given the aborted signal, with its place", async () => {
    const { client, server } = await open();
    server.expose({ look: () => expect.unreachable() });
    const call = client.call("look", [{ signal: AbortSignal.abort({ why: Symbol("s") }) }]);
    expect(await failureOf(call)).toMatchObject({
      code: "CNR_ERR_UNSENDABLE",
      details: { path: "value[0].signal.reason.why" },
    });
  });

  it("travels whole, and after the message, when a getter of that message aborts it", async () => {
    const { client, server } = await open();
    const seen: unknown[] = [];
    server.expose({
      look: (signal: AbortSignal, given: unknown) =>
        new Promise((resolve) => {
          seen.push(signal.aborted, given);
          signal.addEventListener("abort", () => resolve(signal.reason));
        }),
    });
    const controller = new AbortController();
    const trap = {
      get value() {
        controller.abort("by a getter");
        return 1;
      },
    };
    expect(await client.call("look", [controller.signal, trap])).toBe("by a getter");
    expect(seen).toEqual([false, { value: 1 }]);
  });

  it("goes nowhere when the getter that aborts it spoils its message", async () => {
    const { client, server } = await open();
    server.expose({ sync: () => 1 });
    const controller = new AbortController();
    const trap = {
      get value(): never {
        controller.abort("by a getter");
        throw new Error("spoilt");
      },
    };
    expect(await failureOf(client.call("sync", [controller.signal, trap]))).toMatchObject({
      code: "CNR_ERR_UNSENDABLE",
    });
    expect(await client.call("sync")).toBe(1);
  });
});
