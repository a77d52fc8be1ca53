import { afterEach, describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { nodePlatform } from "../../../src/endpoint/node/node-platform.ts";
import { functionsByValue } from "../../../src/functions/by-value.ts";
import { release } from "../../../src/functions/references.ts";
import { byReference, byValue, markOf } from "../../../src/functions/travel-mark.ts";
import { failureOf, sidesOfTests, TwoSides, turns } from "../rpc/two-sides.ts";
import { collected } from "./garbage.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

type Callback = (...args: unknown[]) => Promise<unknown>;

/** A function that arrived, and refused to be called. */
const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
  ((await failureOf(call)) as { code?: unknown }).code;

describe("byReference", () => {
  it("marks a function and gives it back; the last mark counts", () => {
    const fn = (): void => {};
    expect([byReference(fn) === fn, markOf(fn)]).toEqual([true, "reference"]);
    expect(markOf(byValue(fn))).toBe("value");
    expect(markOf(byReference(fn))).toBe("reference");
  });

  it("changes nothing in arguments and results of calls, but takes byValue back", async () => {
    const { client, server } = await open();
    const seen: unknown[] = [];
    server.expose({
      take: (fn: Callback) => fn(7),
      give: () => byReference((n: unknown) => seen.push(n, "there")),
    });
    expect(await client.call("take", [byReference(byValue((n: unknown) => seen.push(n)))])).toBe(1);
    const given = await client.call<Callback>("give");
    expect(await given(8)).toBe(3);
    expect(seen).toEqual([7, 8, "there"]);
  });

  it("is refused in dicts, queues and broadcasts, which outlive the link, with what to do instead", () => {
    const functions = functionsByValue(nodePlatform, true);
    const writer = new ByteWriter();
    const write = (): void =>
      functions.write(
        writer,
        byReference(() => 1),
        "value.jobs[3].run",
      );
    expect(write).toThrow(
      expect.objectContaining({
        name: "CodecError",
        code: "CNR_ERR_UNSENDABLE",
        message: expect.stringMatching(/value\.jobs\[3\]\.run.*byReference.*outlive.*pipe or as an argument/),
      }),
    );
    expect(writer.position).toBe(0);
  });
});

describe("a function sent through a pipe", () => {
  it("goes by value, and by reference where it is marked", async () => {
    const { client, server } = await open();
    const heard: unknown[] = [];
    await client.pipes.main.send({
      copy: (n: number) => n + 1,
      live: byReference((n: unknown) => {
        heard.push(n);
        return "heard";
      }),
    });
    const { copy, live } = (await server.pipes.main.recv()) as { copy: Callback; live: Callback };
    expect(copy(1)).toBe(2);
    expect(await live({ deep: [1] })).toBe("heard");
    expect(heard).toEqual([{ deep: [1] }]);
  });

  it("may capture what is around it when it is marked, and only then", async () => {
    const { client, server } = await open();
    let count = 0;
    await expect(client.pipes.main.send(() => ++count)).rejects.toMatchObject({ code: "CNR_ERR_CAPTURES" });
    await client.pipes.main.send(byReference(() => ++count));
    const live = (await server.pipes.main.recv()) as Callback;
    expect([await live(), await live(), count]).toEqual([1, 2, 2]);
  });

  it("by reference throws where it is called what it throws where it runs", async () => {
    const { client, server } = await open();
    await client.pipes.main.send(
      byReference(() => {
        throw new RangeError("too far");
      }),
    );
    const live = (await server.pipes.main.recv()) as Callback;
    await expect(live()).rejects.toThrow(new RangeError("too far"));
  });

  it("by reference needs no grant for code: its code stays where it is", async () => {
    const { client, server } = await open({ grants: { code: false } });
    await client.pipes.main.send([byReference(() => "here"), (n: number) => n]);
    const [live, copy] = (await server.pipes.main.recv()) as [Callback, Callback];
    expect(await live()).toBe("here");
    expect(() => copy(1)).toThrow(expect.objectContaining({ code: "CNR_ERR_NOT_ALLOWED" }));
  });

  it("by reference lives on when calls that had it too have ended, until it is released", async () => {
    const { client, server } = await open();
    const fn = byReference(() => "live");
    server.expose({ take: (given: Callback) => given() });
    await client.pipes.main.send(fn);
    const live = (await server.pipes.main.recv()) as Callback;
    for (let n = 0; n < 3; n++) expect(await client.call("take", [fn])).toBe("live");
    await turns();
    expect(await live()).toBe("live");
    release(live);
    expect(await codeOf(live())).toBe("CNR_ERR_RELEASED");
  });

  it("by reference is given back when nobody over there refers to it any more", async () => {
    const { client, server } = await open({ limits: { maxReferences: 1 } });
    await client.pipes.main.send(byReference(() => 1));
    await turns();
    expect(server.pipes.main.tryRecv()).toBeTypeOf("function");
    // There is room for one: the next can be sent once the first has come back.
    const next = byReference(() => 2);
    await collected(() =>
      client.pipes.main.send(next).then(
        () => true,
        () => false,
      ),
    );
    expect(await ((await server.pipes.main.recv()) as Callback)()).toBe(2);
  });

  it("by reference ends with the link", async () => {
    const { client, server } = await open();
    await client.pipes.main.send(byReference(() => 1));
    const live = (await server.pipes.main.recv()) as Callback;
    await client.session.close();
    await turns();
    expect(await failureOf(live())).toMatchObject({ code: "CNR_ERR_CLOSED", executed: "no" });
  });

  it("comes home as itself, marked or not", async () => {
    const { client, server } = await open();
    const mine = byReference(() => 1);
    await client.pipes.main.send(mine);
    const theirs = (await server.pipes.main.recv()) as Callback;
    await server.pipes.main.send([theirs, byReference(theirs)]);
    expect(await client.pipes.main.recv()).toEqual([mine, mine]);
  });

  it("of another program is lent on where it is marked, else refused: its code is not here", async () => {
    const first = await open();
    const second = await open();
    await first.client.pipes.main.send(byReference(() => "from afar"));
    const borrowed = (await first.server.pipes.main.recv()) as Callback;
    await expect(second.server.pipes.main.send({ fn: borrowed })).rejects.toMatchObject({
      code: "CNR_ERR_UNSENDABLE",
      message: expect.stringMatching(/value\.fn.*live callback.*byReference/),
    });
    await second.server.pipes.main.send({ fn: byReference(borrowed) });
    const { fn } = (await second.client.pipes.main.recv()) as { fn: Callback };
    expect(await fn()).toBe("from afar");
  });

  it("is marked for nothing where the value cannot travel, or waits for room and is given up", async () => {
    const { client, server } = await open({ limits: { maxReferences: 1, channelWindowBytes: 10 } });
    const pipe = client.pipes.main;
    for (let n = 0; n < 3; n++) {
      await expect(pipe.send([byReference(() => n), Symbol("s")])).rejects.toThrow();
    }
    await pipe.send("more than the window");
    for (let n = 0; n < 3; n++) {
      await expect(
        pipe.send(
          byReference(() => n),
          { timeoutMs: 1 },
        ),
      ).rejects.toMatchObject({
        code: "CNR_ERR_TIMEOUT",
      });
    }
    const waiting = pipe.send(byReference(() => "waited"));
    expect(await server.pipes.main.recv()).toBe("more than the window");
    await waiting;
    expect(await ((await server.pipes.main.recv()) as Callback)()).toBe("waited");
  });

  it("and still waiting when the link ends is no trouble", async () => {
    const sides = await TwoSides.open({ limits: { channelWindowBytes: 10 } });
    await sides.client.pipes.main.send("more than the window");
    const waiting = sides.client.pipes.main.send(byReference(() => 1));
    await sides.close();
    await expect(waiting).rejects.toMatchObject({ code: "CNR_ERR_CLOSED" });
    await turns();
  });
});

describe("a callback in a stream that its reader leaves", () => {
  it("takes no place, though it waited for room and was never sent", async () => {
    const { client, server } = await open({ limits: { maxReferences: 1, channelWindowBytes: 10 } });
    let isOver = false;
    server.expose({
      async *many() {
        try {
          yield "more than the window";
          yield () => "never sent";
        } finally {
          isOver = true;
        }
      },
      give: () => () => "given",
    });
    const stream = await client.call<AsyncGenerator<unknown>>("many");
    await turns();
    await stream.return(undefined);
    await turns();
    expect(isOver).toBe(true);
    expect(await (await client.call<Callback>("give"))()).toBe("given");
  });
});
