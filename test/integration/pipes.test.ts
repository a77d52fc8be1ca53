import { describe, expect, it } from "vitest";
import { BRIEF, Program, serve, twoPrograms } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

describe("pipes", { timeout: 30_000 }, () => {
  it("carry a conversation (the original's first example)", async () => {
    await using room = await serve([one]);
    const answer = one.run(({ client }) => {
      void client.send("What's you name?");
      return client.recv();
    });
    expect(await room.server.clients[0]?.recv()).toBe("What's you name?");
    await room.server.clients[0]?.send("My name is Bruce.");
    expect(await answer).toBe("My name is Bruce.");
  });

  it("carry many conversations by name (the original's second example)", async () => {
    await using room = await serve([one]);
    const answer = one.run(({ client }) => {
      void client.pipes.any_name.send("How old are you?");
      return client.pipes.any_name.recv();
    });
    expect(await room.server.clients[0]?.pipes.any_name.recv()).toBe("How old are you?");
    await room.server.clients[0]?.pipes.any_name.send(25);
    expect(await answer).toBe(25);
  });

  it("keep order, lose nothing and repeat nothing, both ways at once", async () => {
    await using room = await serve([one]);
    const there = one.run(async ({ client }) => {
      const got: number[] = [];
      const receiving = (async () => {
        for (let n = 0; n < 5000; n++) got.push(await client.recv());
      })();
      for (let n = 0; n < 5000; n++) await client.send(n);
      await receiving;
      return got.every((value, n) => value === -n);
    });
    const sending = (async () => {
      for (let n = 0; n < 5000; n++) void room.peer(0).send(-n);
    })();
    for (let n = 0; n < 5000; n++) expect(await room.peer(0).recv()).toBe(n);
    await sending;
    expect(await there).toBe(true);
  });

  it("do not mix: each client and each name has its own", async () => {
    await using room = await serve(programs);
    await Promise.all(
      programs.map((program, n) =>
        program.run(async ({ client }, who) => {
          for (const name of ["a", "b", "then", "__proto__", ""])
            await client.pipes[name]?.send(`${who} ${name}`);
          await client.send(`${who} main`);
        }, `p${n}`),
      ),
    );
    const proto = "__proto__";
    for (const n of [0, 1]) {
      const { pipes } = room.peer(n);
      expect(await pipes.b.recv()).toBe(`p${n} b`);
      expect(await pipes.a.recv()).toBe(`p${n} a`);
      expect(await pipes[proto].recv()).toBe(`p${n} __proto__`);
      expect(await room.peer(n).recv()).toBeTypeOf("string");
    }
  });

  it("serve several receivers in the order of asking", async () => {
    await using room = await serve([one]);
    const receivers = [1, 2, 3].map(() => room.peer(0).recv());
    await one.run(async ({ client }) => {
      for (const text of ["first", "second", "third"]) await client.send(text);
    });
    expect(await Promise.all(receivers)).toEqual(["first", "second", "third"]);
  });

  it("are loops that can be left and entered again without losing anything", async () => {
    await using room = await serve([one]);
    await one.run(async ({ client }) => {
      for (let n = 0; n < 10; n++) await client.pipes.chat.send(n);
    });
    const { chat } = room.peer(0).pipes;
    const got: number[] = [];
    for await (const n of chat) {
      got.push(n);
      if (n === 3) break;
    }
    got.push(await chat.recv());
    for await (const n of chat) {
      got.push(n);
      if (n === 9) break;
    }
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await room.peer(0).pipes.chat.send("still open");
    expect(await one.run(({ client }) => client.pipes.chat.recv())).toBe("still open");
  });

  it("tryRecv() never waits", async () => {
    await using room = await serve([one]);
    expect(room.peer(0).tryRecv()).toBeUndefined();
    expect(room.peer(0).pipes.chat.tryRecv()).toBeUndefined();
    await one.run(async ({ client }) => {
      await client.send(1);
      await client.send(2);
      await client.pipes.chat.send("named");
    });
    const got: unknown[] = [];
    await expect
      .poll(() => {
        const value = room.peer(0).tryRecv();
        if (value !== undefined) got.push(value);
        return got;
      })
      .toEqual([1, 2]);
    await expect.poll(() => room.peer(0).pipes.chat.tryRecv()).toBe("named");
    expect(room.peer(0).tryRecv()).toBeUndefined();
  });

  it("recv() ends by time and by signal, and loses nothing to those that gave up", async () => {
    await using room = await serve([one]);
    const peer = room.peer(0);
    await expect(peer.recv({ timeoutMs: 5 })).rejects.toMatchObject({
      name: "TimeoutError",
      code: "CNR_ERR_TIMEOUT",
    });
    const reason = new Error("mine");
    const abort = new AbortController();
    const aborted = expect(peer.recv({ signal: abort.signal })).rejects.toBe(reason);
    abort.abort(reason);
    await aborted;
    await expect(peer.recv({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await one.run(({ client }) => client.send("for those who wait"));
    expect(await peer.recv()).toBe("for those who wait");
  });

  it("a slow reader slows its writer, and neither other pipes nor calls", async () => {
    await using room = await serve([one]);
    const writer = one.run(async ({ client, kept }) => {
      kept.sent = 0;
      for (let n = 0; n < 400; n++) {
        await client.pipes.bulk.send({ n, bytes: new Uint8Array(64 * 1024) });
        kept.sent++;
      }
    });
    // The window is 1 MiB and the link's own buffer 16 MiB: far less than the 25 MiB that are to be sent.
    let before = -1;
    await expect
      .poll(
        async () => {
          const sent = await one.run(({ kept }) => kept.sent);
          const isStill = sent === before && sent > 0;
          before = sent;
          return isStill;
        },
        { interval: 30 },
      )
      .toBe(true);
    expect(before).toBeLessThan(400);
    await one.run(({ client }) => client.send("small"));
    expect(await room.peer(0).recv()).toBe("small");
    expect(await room.peer(0).eval("6 * 7")).toBe(42);
    for (let n = 0; n < 400; n++) expect((await room.peer(0).pipes.bulk.recv()).n).toBe(n);
    await writer;
  });

  it("a send() that gave up while it waited for the reader is not sent", async () => {
    await using room = await serve([one]);
    const given = await one.run(async ({ client }) => {
      for (let n = 0; ; n++) {
        const outcome = await client.pipes.bulk
          .send({ n, bytes: new Uint8Array(256 * 1024) }, { timeoutMs: 50 })
          .then(
            () => "sent",
            (error: { code: string }) => error.code,
          );
        if (outcome !== "sent") return { n, outcome };
      }
    });
    expect(given.outcome).toBe("CNR_ERR_TIMEOUT");
    for (let n = 0; n < given.n; n++) expect((await room.peer(0).pipes.bulk.recv()).n).toBe(n);
    await one.run(({ client }) => client.pipes.bulk.send({ n: "after" }));
    expect(await room.peer(0).pipes.bulk.recv()).toEqual({ n: "after" });
  });

  it("what had arrived before a close is still received; then recv() rejects and loops end", async () => {
    await using room = await serve([one]);
    const peer = room.peer(0);
    await one.run(async ({ client }) => {
      for (let n = 0; n < 5; n++) {
        await client.send(n);
        await client.pipes.chat.send(n);
      }
      await client.close();
    });
    await expect.poll(() => peer.isClosed).toBe(true);
    const looped: number[] = [];
    for await (const n of peer.pipes.chat) looped.push(n);
    expect(looped).toEqual([0, 1, 2, 3, 4]);
    for (let n = 0; n < 5; n++) expect(await peer.recv()).toBe(n);
    await expect(peer.recv()).rejects.toMatchObject({ name: "ConnectionError", code: "CNR_ERR_CLOSED" });
    await expect(peer.send(1)).rejects.toMatchObject({ name: "ConnectionError", code: "CNR_ERR_CLOSED" });
  });

  it("a killed sender: what had arrived is received, then recv() and loops say that the link was lost", async () => {
    await using room = await serve([], BRIEF);
    const victim = new Program();
    const peer = await room.add(victim);
    await victim.run(async ({ client }) => {
      await client.send("last words");
      await client.pipes.chat.send("bye");
    });
    expect(await peer.recv()).toBe("last words");
    const waiting = expect(peer.recv()).rejects.toMatchObject({
      name: "ConnectionError",
      code: "CNR_ERR_SESSION_LOST",
    });
    const looped: unknown[] = [];
    const loop = (async () => {
      for await (const text of peer.pipes.chat) looped.push(text);
    })();
    const lost = expect(loop).rejects.toMatchObject({ code: "CNR_ERR_SESSION_LOST" });
    await expect.poll(() => looped).toEqual(["bye"]);
    await victim.kill();
    await waiting;
    await lost;
  });

  it("an empty pipe name, undefined and null travel", async () => {
    await using room = await serve([one]);
    await one.run(async ({ client }) => {
      await client.send(undefined);
      await client.send(null);
      await client.send(0);
      await client.send("");
    });
    const got: unknown[] = [];
    for (let n = 0; n < 4; n++) got.push(await room.peer(0).recv());
    expect(got).toEqual([undefined, null, 0, ""]);
  });

  it("what is changed after send() arrives as it was", async () => {
    await using room = await serve([one]);
    await one.run(({ client }) => {
      const value = { list: [1], bytes: new Uint8Array([1, 2, 3]) };
      const sent = client.send(value);
      value.list.push(2);
      value.bytes[0] = 9;
      return sent;
    });
    expect(await room.peer(0).recv()).toEqual({ list: [1], bytes: new Uint8Array([1, 2, 3]) });
  });

  it("broadcast() reaches every open peer but the excepted ones, also while one leaves", async () => {
    await using room = await serve(programs, BRIEF);
    const victim = new Program();
    const gone = await room.add(victim);
    await room.server.broadcast({ text: "to all", bytes: new Uint8Array(8) });
    await room.server.broadcast("not to the first", { except: room.peer(0) });
    await room.server.broadcast("to the first", { except: [room.peer(1), gone] });
    await victim.kill();
    await room.server.broadcast("after the kill");
    const all = (program: Program, count: number) =>
      program.run(async ({ client }, count) => {
        const got: unknown[] = [];
        while (got.length < count) got.push(await client.recv());
        return got;
      }, count);
    const first = { text: "to all", bytes: new Uint8Array(8) };
    expect(await all(one, 3)).toEqual([first, "to the first", "after the kill"]);
    expect(await all(two, 3)).toEqual([first, "not to the first", "after the kill"]);
  });

  it("broadcast() of what cannot travel rejects and reaches nobody", async () => {
    await using room = await serve([one]);
    await expect(room.server.broadcast({ deep: [Symbol("s")] })).rejects.toMatchObject({
      name: "CodecError",
      message: expect.stringContaining("deep[0]"),
    });
    await room.server.broadcast("good");
    expect(await one.run(({ client }) => client.recv())).toBe("good");
  });
});
