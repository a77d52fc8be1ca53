import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { FrameKind } from "../../../src/protocol/frame.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { getContext } from "../../../src/rpc/call-context.ts";
import { failureOf, Gate, type Side, sidesOfTests, turns } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

/** Exposes `wait`, which notes how its signal ends it, and `stubborn`, which answers when the gate opens, whatever is asked. */
function exposeWaiting(side: Side): { readonly reasons: unknown[]; readonly gate: Gate; started: number } {
  const seen = { reasons: [] as unknown[], gate: new Gate(), started: 0 };
  side.expose({
    wait: () => {
      const { signal } = getContext();
      seen.started++;
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          seen.reasons.push(signal.reason);
          reject(signal.reason as Error);
        });
      });
    },
    stubborn: async (value: unknown) => {
      seen.started++;
      await seen.gate.passed;
      return value;
    },
    echo: (value: unknown) => value,
  });
  return seen;
}

describe("cancelling a call", () => {
  it("by its future rejects it at once and aborts the signal of the function", async () => {
    const { client, server } = await open();
    const seen = exposeWaiting(server);
    const call = client.call("wait");
    await turns();
    expect(seen.started).toBe(1);
    expect(call.cancel(new Error("the user left"))).toBe(true);
    expect(call.state).toBe("cancelled");
    expect(await failureOf(call)).toMatchObject({
      code: "CNR_ERR_CANCELLED",
      cause: { message: "the user left" },
    });
    await turns();
    expect(seen.reasons).toMatchObject([{ code: "CNR_ERR_CANCELLED" }]);
  });

  it("by its signal rejects it with the signal's reason", async () => {
    const { client, server } = await open();
    const seen = exposeWaiting(server);
    const controller = new AbortController();
    const reason = { why: "mine" };
    const call = client.call("wait", [], { signal: controller.signal });
    await turns();
    controller.abort(reason);
    expect(await failureOf(call)).toBe(reason);
    expect(call.state).toBe("rejected");
    await turns();
    expect(seen.reasons).toHaveLength(1);
  });

  it("by its time rejects it with a TimeoutError that names the call", async () => {
    const { client, server } = await open();
    const seen = exposeWaiting(server);
    const error = await failureOf(client.call("wait", [], { timeoutMs: 5 }));
    expect(error).toMatchObject({ name: "TimeoutError", code: "CNR_ERR_TIMEOUT", details: { timeoutMs: 5 } });
    expect(error).toHaveProperty("message", expect.stringContaining('callRemote("wait")'));
    await turns();
    expect(seen.reasons).toHaveLength(1);
  });

  it("works in both directions, for shipped code too", async () => {
    const { client, server } = await open();
    const seen = exposeWaiting(client);
    const call = server.call("wait");
    const shipped = client.calls.callFunction(() => new Promise(() => {}), [], { timeoutMs: 1 });
    await turns();
    call.cancel();
    expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_CANCELLED" });
    expect(await failureOf(shipped)).toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    await turns();
    expect(seen.reasons).toHaveLength(1);
  });

  it("with a signal that has aborted already sends nothing", async () => {
    const { client, server } = await open();
    const seen = exposeWaiting(server);
    const before = client.session.sentFrames;
    const reason = new Error("before");
    expect(await failureOf(client.call("wait", [], { signal: AbortSignal.abort(reason) }))).toBe(reason);
    await turns();
    expect([client.session.sentFrames, seen.started]).toEqual([before, 0]);
  });

  it("aborts a signal that the function asks for later than it was cancelled", async () => {
    const { client, server } = await open();
    const gate = new Gate();
    let aborted: boolean | undefined;
    server.expose({
      lazy: async () => {
        const context = getContext();
        await gate.passed;
        aborted = context.signal.aborted;
      },
    });
    const call = client.call("lazy");
    await turns();
    call.cancel();
    await turns();
    gate.open();
    await turns();
    expect(aborted).toBe(true);
  });

  it("after the answer does nothing", async () => {
    const { client, server } = await open();
    exposeWaiting(server);
    const call = client.call("echo", [1]);
    expect(await call).toBe(1);
    expect(call.cancel()).toBe(false);
    expect(await call).toBe(1);
  });

  it("and the answer may cross on the way", async () => {
    const { client, server } = await open();
    exposeWaiting(server);
    const calls = Array.from({ length: 20 }, (_, n) => client.call("echo", [n]));
    for (const call of calls) call.cancel();
    expect(await client.call("echo", ["after"])).toBe("after");
    expect(calls.every((call) => call.cancelled())).toBe(true);
  });
});

describe("the answer to a cancelled call", () => {
  it("goes to nobody else, and frees the call's number", async () => {
    const { client, server } = await open();
    const seen = exposeWaiting(server);
    const numbers = numbersOfCalls(server);
    const cancelled = Array.from({ length: 5 }, (_, n) => client.call("stubborn", [`old ${n}`]));
    await turns();
    for (const call of cancelled) call.cancel();
    // The numbers of the cancelled calls are taken until their answers are in.
    const fresh = Array.from({ length: 5 }, (_, n) => client.call("stubborn", [`new ${n}`]));
    await turns();
    seen.gate.open();
    expect(await Promise.all(fresh)).toEqual([0, 1, 2, 3, 4].map((n) => `new ${n}`));
    expect(new Set(numbers).size).toBe(10);
    await turns();
    numbers.length = 0;
    await Promise.all(Array.from({ length: 10 }, (_, n) => client.call("echo", [n])));
    expect(numbers.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("may be a failure, or one that cannot be sent", async () => {
    const { client, server } = await open();
    const gate = new Gate();
    server.expose({
      async fails(unsendable: boolean) {
        await gate.passed;
        throw Object.assign(new Error("late"), unsendable ? { socket: new WeakMap() } : {});
      },
      echo: (value: unknown) => value,
    });
    const calls = [client.call("fails", [false]), client.call("fails", [true])];
    await turns();
    for (const call of calls) call.cancel();
    gate.open();
    await turns();
    expect(await client.call("echo", [1])).toBe(1);
    expect(calls.map((call) => call.state)).toEqual(["cancelled", "cancelled"]);
  });

  it("never comes twice to many calls that are cancelled and made again", async () => {
    const { client, server } = await open();
    server.expose({ later: (n: number) => turns(1).then(() => n) });
    for (let round = 0; round < 20; round++) {
      const calls = Array.from({ length: 20 }, (_, n) => client.call("later", [round * 100 + n]));
      await turns(round % 3);
      for (const call of calls.slice(0, 10)) call.cancel();
      const kept = await Promise.all(calls.slice(10));
      expect(kept).toEqual(Array.from({ length: 10 }, (_, n) => round * 100 + 10 + n));
    }
  });
});

describe("a long-lived signal", () => {
  it("has no listener left of calls that are settled, in whichever way", async () => {
    const { client, server } = await open();
    exposeWaiting(server);
    server.expose({ fails: () => Promise.reject(new Error("no")) });
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 50 }, (_, n) => client.call("echo", [n], { signal })));
    await failureOf(client.call("fails", [], { signal }));
    await failureOf(client.call("wait", [], { signal, timeoutMs: 1 }));
    const cancelled = client.call("wait", [], { signal });
    cancelled.cancel();
    await failureOf(client.call("echo", [Symbol("s")], { signal }));
    await turns();
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const lost = client.call("wait", [], { signal });
    await turns();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await client.session.close();
    await failureOf(lost);
    await failureOf(client.call("echo", [], { signal }));
    await turns();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

/** The numbers of the calls that come in from now on. */
function numbersOfCalls(side: Side): number[] {
  const numbers: number[] = [];
  const { session } = side;
  const { attached } = session;
  const decode = attached.data.bind(attached);
  attached.data = (bytes) => {
    const reader = new ByteReader(bytes);
    reader.position = 8;
    // Calls by name and cancels are all that is sent here.
    while (bytes[3] === FrameKind.message && !reader.done) {
      const isCall = reader.byte() === MessageType.call;
      const number = reader.uint();
      if (!isCall) continue;
      numbers.push(number);
      reader.byte();
      reader.string();
      session.plainDecoder.decode(reader);
    }
    decode(bytes);
  };
  return numbers;
}
