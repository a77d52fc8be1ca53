import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../src/core/errors.ts";
import type { Pipe } from "../../../src/pipes/pipe.ts";
import { PipeTable } from "../../../src/pipes/pipe-table.ts";
import { failureOf, sidesOfTests, turns } from "../rpc/two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

/** Both ends of one pipe between fresh sides. */
async function pipe(
  limits = {},
  name = "chat",
): Promise<{ here: Pipe; there: Pipe } & Awaited<ReturnType<typeof open>>> {
  const sides = await open({ limits });
  return Object.assign(sides, { here: sides.client.pipes.get(name), there: sides.server.pipes.get(name) });
}

const lost = new ConnectionError("CNR_ERR_LINK_LOST", { details: { reason: "pulled" } });

/** Sends until a send has to wait; gives the sends, the last of which waits. */
async function fill(end: Pipe, value: unknown = "x".repeat(100)): Promise<Promise<void>[]> {
  const sends: Promise<void>[] = [];
  for (let isWaiting = false; !isWaiting && sends.length < 10_000; ) {
    const send = end.send(value);
    sends.push(send);
    isWaiting = await Promise.race([send.then(() => false), turns(1).then(() => true)]);
  }
  return sends;
}

describe("a pipe", () => {
  it("carries values in order, in both directions at once", async () => {
    const { here, there } = await pipe();
    const values = Array.from({ length: 5000 }, (_, n) => (n % 3 ? n : { n, text: "x".repeat(n % 50) }));
    for (const value of values) {
      void here.send(value);
      void there.send([value]);
    }
    for (const value of values) {
      expect(await there.recv()).toEqual(value);
      expect(await here.recv()).toEqual([value]);
    }
  });

  it("gives undefined, null and false as they are", async () => {
    const { here, there } = await pipe();
    const values = [undefined, null, false, 0, ""];
    for (const value of values) await here.send(value);
    for (const value of values) expect(await there.recv()).toBe(value);
  });

  it("without a name is one of its own", async () => {
    const { client, server, here } = await pipe();
    await client.pipes.main.send("main");
    await here.send("chat");
    expect(await server.pipes.main.recv()).toBe("main");
    expect(server.pipes.main.tryRecv()).toBe(undefined);
    expect([server.pipes.names(), server.pipes.has(""), server.pipes.get("chat")]).toMatchObject([
      ["chat"],
      false,
      { name: "chat" },
    ]);
  });

  it("is one among many, that do not mix", async () => {
    const { client, server } = await open();
    const names = Array.from({ length: 200 }, (_, n) => (n === 7 ? "__proto__" : `pipe ${n}`));
    for (const round of [1, 2]) for (const name of names) await client.pipes.get(name).send([name, round]);
    for (const name of names.toReversed()) {
      expect(await server.pipes.get(name).recv()).toEqual([name, 1]);
      expect(await server.pipes.get(name).recv()).toEqual([name, 2]);
    }
    expect(new Set(server.pipes.names())).toEqual(new Set(names));
  });

  it("can be waited on before the other side has opened it", async () => {
    const { here, there } = await pipe();
    const waits = [there.recv(), there.recv()];
    await turns();
    await here.send(1);
    await here.send(2);
    expect(await Promise.all(waits)).toEqual([1, 2]);
  });

  it("keeps what arrived before anybody asks, and shows its name", async () => {
    const { server, here } = await pipe();
    await here.send("early");
    await turns();
    expect([server.pipes.has("chat"), server.pipes.has("other")]).toEqual([true, false]);
    expect(server.pipes.get("chat").tryRecv()).toBe("early");
  });

  it("is tried without waiting", async () => {
    const { here, there } = await pipe();
    expect(there.tryRecv()).toBe(undefined);
    await here.send("a");
    await turns();
    expect([there.tryRecv(), there.tryRecv()]).toEqual(["a", undefined]);
  });

  it("outlives its handle", async () => {
    const { client, server, here } = await pipe();
    await here.send(1);
    expect([client.pipes.delete("chat"), client.pipes.delete("chat")]).toEqual([true, false]);
    await client.pipes.get("chat").send(2);
    expect([await server.pipes.get("chat").recv(), await server.pipes.get("chat").recv()]).toEqual([1, 2]);
  });

  it("carries megabytes of bytes whole", async () => {
    const { here, there } = await pipe();
    const bytes = new Uint8Array(5 * 1024 * 1024).map((_, n) => n * 31);
    const sends = [here.send({ bytes, name: "first" }), here.send(bytes), here.send("after")];
    const first = (await there.recv()) as { bytes: Uint8Array };
    expect(Buffer.from(first.bytes).equals(bytes)).toBe(true);
    expect(Buffer.from((await there.recv()) as Uint8Array).equals(bytes)).toBe(true);
    expect(await there.recv()).toBe("after");
    await Promise.all(sends);
  });

  it("carries functions by value", async () => {
    const { here, there, client } = await pipe();
    await here.send({ twice: (n: number) => n * 2 });
    const { twice } = (await there.recv()) as { twice(n: number): number };
    expect(twice(4)).toBe(8);
    const captured = [1];
    expect(await failureOf(here.send({ fn: () => captured }))).toMatchObject({ code: "CNR_ERR_CAPTURES" });
    await client.session.close();
    expect(twice(5)).toBe(10);
  });

  it("refuses what cannot travel, and goes on", async () => {
    const { here, there } = await pipe({ maxValueBytes: 1000 });
    await here.send(1);
    expect(await failureOf(here.send({ jobs: [new WeakMap()] }))).toMatchObject({
      details: { path: "value.jobs[0]" },
    });
    expect(await failureOf(here.send("x".repeat(2000)))).toMatchObject({ code: "CNR_ERR_VALUE_TOO_LARGE" });
    await here.send(2);
    expect([await there.recv(), await there.recv()]).toEqual([1, 2]);
  });

  it("over a limit of open pipes is refused, and the others go on", async () => {
    const { client, server } = await open({ limits: { maxChannels: 2 } });
    await client.pipes.get("a").send(1);
    await client.pipes.get("b").send(2);
    expect(await failureOf(client.pipes.get("c").send(3))).toMatchObject({ code: "CNR_ERR_TOO_MANY" });
    expect(await server.pipes.get("b").recv()).toBe(2);
  });

  it("says that there is no link, before there is one", async () => {
    const end = new PipeTable(true).get("chat");
    expect(await failureOf(end.send(1))).toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
    expect(await failureOf(end.recv())).toMatchObject({ code: "CNR_ERR_NOT_CONNECTED" });
  });
});

describe("a slow reader", () => {
  it("makes its writer wait, and nobody else", async () => {
    const { client, server, here, there } = await pipe({ channelWindowBytes: 2000 });
    const sends = await fill(here);
    expect(sends.length).toBeGreaterThan(15);
    expect(sends.length).toBeLessThan(40);
    const other = client.pipes.get("other");
    for (let n = 0; n < 100; n++) {
      await other.send("y".repeat(100));
      await server.pipes.get("other").recv();
    }
    await there.send("the other direction");
    expect(await here.recv()).toBe("the other direction");
    for (const _ of sends) await there.recv();
    await Promise.all(sends);
  });

  it("gets a value as it was when it was sent, although it had to wait", async () => {
    const { here, there } = await pipe({ channelWindowBytes: 1000 });
    const full = await fill(here);
    const value = { list: [1], bytes: new Uint8Array([1]) };
    const send = here.send(value);
    value.list.push(2);
    value.bytes[0] = 9;
    for (const _ of full) await there.recv();
    expect(await there.recv()).toEqual({ list: [1], bytes: new Uint8Array([1]) });
    await send;
  });

  it("is sent nothing that was given up, and what follows stays in order", async () => {
    const { here, there } = await pipe({ channelWindowBytes: 1000 });
    const full = await fill(here, "full".padEnd(100));
    const controller = new AbortController();
    const reason = new Error("no longer");
    const sends = [
      here.send("kept 1"),
      here.send("aborted", { signal: controller.signal }),
      here.send("kept 2"),
      here.send("late", { timeoutMs: 1 }),
      here.send("kept 3", { signal: controller.signal, timeoutMs: 60_000 }),
    ];
    const outcomes = Promise.allSettled(sends);
    const late = await failureOf(sends[3] as Promise<void>);
    expect(late).toMatchObject({ code: "CNR_ERR_TIMEOUT", details: { timeoutMs: 1 } });
    const before = new AbortController();
    before.abort(reason);
    expect(await failureOf(here.send("never", { signal: before.signal }))).toBe(reason);
    for (const _ of full) await there.recv();
    // All that is waiting has left by now, but for what was given up before.
    expect([await there.recv(), await there.recv()]).toEqual(["kept 1", "aborted"]);
    controller.abort(reason);
    expect([await there.recv(), await there.recv()]).toEqual(["kept 2", "kept 3"]);
    expect((await outcomes).map((each) => each.status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("never gets a value whose send was aborted while it waited", async () => {
    const { here, there } = await pipe({ channelWindowBytes: 1000 });
    const full = await fill(here);
    const controller = new AbortController();
    const aborted = Array.from({ length: 100 }, (_, n) =>
      here.send(`aborted ${n}`, { signal: controller.signal }),
    );
    const kept = here.send("kept");
    controller.abort("why");
    for (const send of aborted) expect(await failureOf(send)).toBe("why");
    for (const _ of full) await there.recv();
    expect(await there.recv()).toBe("kept");
    await kept;
    expect(there.tryRecv()).toBe(undefined);
  });

  it("that never reads costs its writer the reason of the link's end", async () => {
    const { client, here } = await pipe({ channelWindowBytes: 1000 });
    const sends = await fill(here);
    client.session.abort(lost);
    expect(await failureOf(sends.at(-1) as Promise<void>)).toBe(lost);
    expect(await failureOf(here.send(1))).toBe(lost);
  });
});

describe("a recv that is given up", () => {
  it("swallows nothing", async () => {
    const { here, there } = await pipe();
    const controller = new AbortController();
    const reason = new Error("enough");
    const waits = [
      there.recv({ signal: controller.signal }),
      there.recv(),
      there.recv({ timeoutMs: 1 }),
      there.recv({ signal: controller.signal, timeoutMs: 60_000 }),
      there.recv(),
    ];
    const outcomes = Promise.allSettled(waits);
    expect(await failureOf(waits[2] as Promise<unknown>)).toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    controller.abort(reason);
    for (const value of [1, 2, 3]) await here.send(value);
    expect(await outcomes).toMatchObject([
      { reason },
      { value: 1 },
      { status: "rejected" },
      { reason },
      { value: 2 },
    ]);
    expect(await there.recv()).toBe(3);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("before it began takes nothing that is there", async () => {
    const { here, there } = await pipe();
    await here.send(1);
    await turns();
    expect(await failureOf(there.recv({ signal: AbortSignal.abort("why") }))).toBe("why");
    expect(await there.recv({ timeoutMs: 0 })).toBe(1);
  });

  it("names its pipe", async () => {
    const { there, server } = await pipe();
    expect(await failureOf(there.recv({ timeoutMs: 0 }))).toHaveProperty(
      "message",
      expect.stringContaining('recv from pipe "chat"'),
    );
    expect(await failureOf(server.pipes.main.recv({ timeoutMs: 0 }))).toHaveProperty(
      "message",
      expect.stringMatching(/^recv did not/),
    );
  });
});

describe("for await over a pipe", () => {
  it("gives what comes, and leaving it keeps the pipe", async () => {
    const { here, there } = await pipe();
    for (const value of [1, 2, 3, 4]) await here.send(value);
    const got: unknown[] = [];
    for await (const value of there) {
      got.push(value);
      if (value === 2) break;
    }
    expect([got, await there.recv()]).toEqual([[1, 2], 3]);
    for await (const value of there) {
      expect(value).toBe(4);
      break;
    }
    await here.send(5);
    expect(await there.recv()).toBe(5);
  });

  it("ends when the link is closed in order, by either side, after what had arrived", async () => {
    for (const closer of ["client", "server"] as const) {
      const { here, there, ...sides } = await pipe();
      const got: unknown[] = [];
      const loop = (async () => {
        for await (const value of there) got.push(value);
      })();
      for (const value of [1, 2, 3]) void here.send(value);
      await turns();
      await sides[closer].session.close();
      await loop;
      expect(got).toEqual([1, 2, 3]);
    }
  });

  it("throws when the link is lost, after what had arrived", async () => {
    const { here, there, client } = await pipe({ resumeWindowMs: 1 });
    for (const value of [1, 2]) await here.send(value);
    await turns();
    client.session.abort(lost);
    await turns();
    const got: unknown[] = [];
    const error = await failureOf(
      (async () => {
        for await (const value of there) got.push(value);
      })(),
    );
    expect(got).toEqual([1, 2]);
    expect(error).toMatchObject({ name: "ConnectionError", code: "CNR_ERR_SESSION_LOST" });
    expect(error).toHaveProperty("cause.code", "CNR_ERR_LINK_LOST");
  });
});

describe("after a close", () => {
  it("what had arrived is still received, in order, then recv says why there is no more", async () => {
    const { here, there, client } = await pipe();
    for (const value of ["a", "b", "c"]) void here.send(value);
    await client.session.close();
    await turns();
    expect(await there.recv()).toBe("a");
    expect(there.tryRecv()).toBe("b");
    expect(await there.recv()).toBe("c");
    expect(await failureOf(there.recv())).toMatchObject({ name: "ConnectionError", code: "CNR_ERR_CLOSED" });
    expect(there.tryRecv()).toBe(undefined);
    expect(await failureOf(there.send(1))).toMatchObject({ code: "CNR_ERR_CLOSED" });
  });

  it("every recv that waits is ended, on both sides, for pipes never opened too", async () => {
    const { here, there, client, server } = await pipe();
    const waits = [
      here.recv(),
      there.recv(),
      there.recv({ timeoutMs: 60_000 }),
      client.pipes.get("never").recv(),
    ];
    const later = server.pipes.get("later");
    await client.session.close();
    await turns();
    for (const wait of [...waits, later.recv()]) {
      expect(await failureOf(wait)).toMatchObject({ code: "CNR_ERR_CLOSED" });
    }
  });
});

describe("a new link", () => {
  it("is a fresh conversation: nothing of the old one is left", async () => {
    const [first, second] = [await open(), await open()];
    const { pipes } = first.client;
    const end = pipes.get("chat");
    await first.server.pipes.get("chat").send("old");
    await turns();
    await first.client.session.close();
    pipes.attach(second.client.session, second.client.mux, second.client.calls.functionsInPipes);
    await end.send("new");
    expect(await second.server.pipes.get("chat").recv()).toBe("new");
    const wait = end.recv();
    await second.server.pipes.get("chat").send("answer");
    expect(await wait).toBe("answer");
  });
});
