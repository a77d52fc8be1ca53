import { afterEach, describe, expect, it } from "vitest";
import { PermissionError } from "../../../src/core/errors.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { failureOf, sidesOfTests, turns } from "../rpc/two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

const WITHOUT_DATA = { grants: { data: false } };

describe("a pipe into a side that does not grant data", () => {
  it("ends for its sender: sends, waits and later ones alike", async () => {
    const { client, server } = await open(WITHOUT_DATA);
    const pipe = client.pipes.get("chat");
    const reading = failureOf(pipe.recv());
    await pipe.send("first");
    await turns();
    expect(await reading).toMatchObject({ code: "CNR_ERR_NOT_ALLOWED", details: { grant: "data" } });
    expect(await failureOf(pipe.send("second"))).toBeInstanceOf(PermissionError);
    expect(await failureOf(pipe.recv())).toBeInstanceOf(PermissionError);
    expect(server.pipes.has("chat")).toBe(false);
    expect(client.session.ended).toBeUndefined();
  });

  it("rejects the sends that wait for room with the missing grant, not as if they were cancelled", async () => {
    const { client } = await open(WITHOUT_DATA);
    const pipe = client.pipes.get("chat");
    const sends = Array.from({ length: 30 }, () => pipe.send("x".repeat(100_000)));
    const outcomes = await Promise.allSettled(sends);
    const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(reasons.length).toBeGreaterThan(10);
    for (const reason of reasons) expect(reason).toBeInstanceOf(PermissionError);
  });

  it("is told from one whose link has ended", async () => {
    const { client } = await open();
    const pipe = client.pipes.get("chat");
    await pipe.send("fine");
    const reading = failureOf(pipe.recv());
    await client.session.close();
    expect(await reading).toMatchObject({ code: "CNR_ERR_CLOSED" });
    expect(await failureOf(pipe.recv())).toMatchObject({ code: "CNR_ERR_CLOSED" });
    expect(await failureOf(pipe.send("late"))).toMatchObject({ code: "CNR_ERR_CLOSED" });
  });

  it("is one of many: each is refused by itself, and what is called goes on", async () => {
    const { client, server } = await open(WITHOUT_DATA);
    server.expose({ add: (a: number, b: number) => a + b });
    for (const name of ["a", "b", ""]) await client.pipes.get(name).send(name);
    await turns();
    for (const name of ["a", "b", ""]) {
      expect(await failureOf(client.pipes.get(name).send(1))).toBeInstanceOf(PermissionError);
    }
    expect(await client.call("add", [1, 2])).toBe(3);
  });

  it("costs its receiver nothing, however often a hostile sender opens it: too many open ones end the link", async () => {
    const { client, server } = await open({ ...WITHOUT_DATA, limits: { maxChannels: 10 } });
    const openRaw = (id: number, isEnded: boolean): void => {
      const writer = client.session.begin(MessageType.channelOpen);
      writer.uint(id);
      writer.uint(1);
      writer.string("chat");
      client.session.commit();
      if (!isEnded) return;
      client.session.begin(MessageType.channelEnd).uint(id);
      client.session.commit();
    };
    for (let id = 1000; id < 2000; id++) openRaw(id, true);
    await turns(30);
    expect(server.session.ended).toBeUndefined();
    for (let id = 2000; id < 2011; id++) openRaw(id, false);
    await turns(30);
    expect(server.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
  });

  it("is read all the same where the other side sends through it", async () => {
    const { client, server } = await open(WITHOUT_DATA);
    // Both sides grant no data here: what comes is refused, and what waits for it is not ended by that.
    const waiting = client.pipes.get("news").recv({ timeoutMs: 0 });
    await server.pipes.get("news").send("unasked");
    await turns();
    expect(await failureOf(waiting)).toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    expect(await failureOf(server.pipes.get("news").send("again"))).toBeInstanceOf(PermissionError);
  });
});
