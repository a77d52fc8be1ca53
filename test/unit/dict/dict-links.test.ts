import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { TEST_MESSAGE, turns } from "../session/session-pair.ts";
import { DictWorld, type JoinedClient } from "./dict-world.ts";

const LOST = failure("CNR_ERR_LINK_LOST", { reason: "the test" });

let world: DictWorld;
let a: JoinedClient;
let b: JoinedClient;

beforeEach(async () => {
  world = new DictWorld();
  a = await world.join();
  b = await world.join();
});
afterEach(() => world.close());

describe("the global dict", () => {
  it("is the same for the server and all clients", async () => {
    a.global.dict.set("from a", 1);
    b.global.dict.set("from b", [2]);
    world.server.dict.set("from the server", { n: 3 });
    await turns(2);
    const all = { "from a": 1, "from b": [2], "from the server": { n: 3 } };
    for (const { dict } of [world.server, a.global, b.global]) expect(Object.fromEntries(dict)).toEqual(all);
  });

  it("is whole when a client is ready, and has no gap afterwards", async () => {
    world.server.dict.set("n", 0);
    const heard: unknown[] = [];
    const late = world.link();
    late.global.dict.on("change", ({ key, value }) => heard.push([key, value]));
    world.server.dict.set("n", 1);
    expect(late.global.dict.stale).toBe(true);
    await late.ready;
    expect(late.global.dict.stale).toBe(false);
    world.server.dict.set("n", 2);
    await turns(2);
    expect(heard).toEqual([
      ["n", 0],
      ["n", 1],
      ["n", 2],
    ]);
  });

  it("may be long: its snapshot comes in parts, and shows when all of it is there", async () => {
    for (let n = 0; n < 10_000; n++) world.server.dict.set(`key ${n}`, { n, text: "-".repeat(20) });
    for (let n = 0; n < 5; n++) world.server.dict.set(`large ${n}`, new Uint8Array(500_000).fill(n));
    const late = world.link();
    let events = 0;
    late.global.dict.on("change", () => {
      events++;
      expect(late.global.dict.size).toBe(10_005);
    });
    await late.ready;
    await turns(1);
    expect(events).toBe(10_005);
    expect(late.global.dict.get("large 3")).toEqual(new Uint8Array(500_000).fill(3));
    expect(late.global.errors).toEqual([]);
  });

  it("brings long values through, small ones around them in order", async () => {
    const heard: unknown[] = [];
    b.global.dict.on("change", ({ key }) => heard.push(key));
    a.global.dict.set("first", 1);
    a.global.dict.set("large", new Uint8Array(3_000_000).fill(7));
    a.global.dict.set("last", 1);
    await a.global.dict.synced();
    await turns(5);
    expect(heard).toEqual(["first", "large", "last"]);
    expect((b.global.dict.get("large") as Uint8Array).every((byte) => byte === 7)).toBe(true);
  });

  it("shows own writes before the snapshot is in, and keeps them", async () => {
    world.server.dict.set("x", "server");
    const late = world.link();
    late.global.dict.set("x", "mine");
    expect(late.global.dict.get("x")).toBe("mine");
    await late.ready;
    await late.global.dict.synced();
    expect(world.server.dict.get("x")).toBe("mine");
  });
});

describe("the local dict", () => {
  it("is shared by a client and its peer alone", async () => {
    a.local.dict.set("var1", 256);
    await turns(2);
    const peer = a.peer.local();
    expect(peer.dict.get("var1")).toBe(256);
    peer.dict.set("var2", "from the peer");
    await turns(2);
    expect(Object.fromEntries(a.local.dict)).toEqual({ var1: 256, var2: "from the peer" });
    expect([b.local.dict.size, b.peer.local().dict.size, world.server.dict.size]).toEqual([0, 0, 0]);
  });

  it("may be used by the peer first", async () => {
    a.peer.local().dict.set("x", 1);
    await turns(2);
    expect(a.local.dict.get("x")).toBe(1);
    await a.local.dict.increment("x");
    expect(a.peer.local().dict.get("x")).toBe(2);
  });

  it("can be read at once, for it begins empty", () => {
    expect(a.local.dict.stale).toBe(false);
  });

  it("ends with the session: both sides can read it still, and write no more", async () => {
    a.local.dict.set("x", 1);
    await turns(2);
    const peer = a.peer.local();
    a.session.abort(LOST);
    await turns(2);
    for (const { dict } of [a.local, peer]) {
      expect([dict.get("x"), dict.stale]).toEqual([1, true]);
      expect(() => dict.set("x", 2)).toThrow(expect.objectContaining({ code: "CNR_ERR_LINK_LOST" }));
    }
  });

  it("cannot be written by the peer of a client that left before anybody used it", async () => {
    a.session.abort(LOST);
    await turns(2);
    expect(() => a.peer.local().dict.set("x", 1)).toThrow(
      expect.objectContaining({ code: "CNR_ERR_LINK_LOST" }),
    );
  });
});

describe("a link", () => {
  it("carries all that is written in a turn in one message to each side", async () => {
    let messages = 0;
    const { link } = b.peer.session;
    const { write } = link;
    link.write = (chunks) => {
      messages++;
      write.call(link, chunks);
    };
    for (let n = 0; n < 10; n++) world.server.dict.set(`key ${n}`, n);
    await turns(2);
    expect(messages).toBe(1);
    expect(b.global.dict.size).toBe(10);
  });

  it("says what was written before any other message that it causes", async () => {
    const seen: unknown[] = [];
    b.session.handle({ 63: () => seen.push([b.global.dict.get("x"), b.local.dict.get("y")]) });
    // As a queue would: the same read writes to the dicts and gives something to another client.
    a.peer.session.handle({
      63: () => {
        b.peer.local().dict.set("y", 2);
        b.peer.session.begin(63);
        b.peer.session.commit();
      },
    });
    a.global.dict.set("x", 1);
    a.session.begin(63);
    a.session.commit();
    await turns(3);
    expect(seen).toEqual([[1, 2]]);
  });

  it("is taken up again by the next one: what differs is told, key by key", async () => {
    world.server.dict.update({ same: [1], changed: 1, gone: 1 });
    a.local.dict.set("old", 1);
    await turns(2);
    const { local, global } = a;
    const same = global.dict.get("same");
    a.session.abort(LOST);
    expect([global.dict.get("changed"), global.dict.stale]).toEqual([1, true]);
    world.server.dict.set("changed", 2);
    world.server.dict.delete("gone");
    world.server.dict.set("new", 1);
    const heard: unknown[] = [];
    for (const { dict } of [local, global]) {
      dict.on("change", ({ key, value, previous, origin }) => heard.push([key, value, previous, origin]));
    }
    await world.join(local, global);
    expect(heard).toEqual([
      ["old", undefined, 1, "remote"],
      ["changed", 2, 1, "remote"],
      ["gone", undefined, 1, "remote"],
      ["new", 1, undefined, "remote"],
    ]);
    expect(global.dict.get("same")).toBe(same);
    expect(global.dict.stale).toBe(false);
  });

  it("that ends before the snapshot fails who waits for it", async () => {
    const late = world.link();
    late.session.abort(LOST);
    await expect(late.ready).rejects.toBe(LOST);
    await turns(2);
    expect(late.global.dict.stale).toBe(true);
  });

  it("that ends fails every wait of its dicts", async () => {
    const { dict } = a.global;
    const waits = [
      dict.modify("x", () => new Promise(() => {})),
      dict.increment("n"),
      dict.waitFor("never"),
      dict.mutate("x", () => 1),
      dict.synced(),
      dict.changes().next(),
    ];
    a.session.abort(LOST);
    const results = await Promise.allSettled(waits);
    expect(results.map((result) => result.status === "rejected" && result.reason)).toEqual(
      waits.map(() => LOST),
    );
    world.server.dict.set("x", 5);
    await turns(2);
    expect(b.global.dict.get("x")).toBe(5);
  });

  it("forgets a client that has left: others go on", async () => {
    a.session.abort(LOST);
    await turns(2);
    for (let n = 0; n < 100; n++) b.global.dict.set("x", n);
    await b.global.dict.synced();
    expect(world.server.dict.get("x")).toBe(99);
  });
});

describe("a client that does not read", () => {
  async function stalled(): Promise<JoinedClient> {
    world.close();
    world = new DictWorld({ limits: { maxUnsentBytes: 1000 } });
    const client = await world.join();
    client.session.link.pause();
    return client;
  }

  it("costs the server no more than the keys that there are, and finds the newest values when it reads again", async () => {
    const client = await stalled();
    const { link } = client.peer.session;
    let events = 0;
    client.global.dict.on("change", () => void events++);
    let highest = 0;
    for (let round = 0; round < 50; round++) {
      for (let n = 0; n < 50; n++) world.server.dict.set(`key ${n}`, `${round}`.repeat(500));
      world.server.dict.set("gone", round);
      world.server.dict.delete("gone");
      await turns(1);
      highest = Math.max(highest, link.bufferedBytes);
    }
    world.server.dict.set("large", new Uint8Array(100_000).fill(1));
    await turns(1);
    expect(highest).toBeGreaterThan(1000);
    expect(highest).toBeLessThan(500_000);
    client.session.link.resume();
    await turns(5);
    expect(Object.fromEntries(client.global.dict)).toEqual(Object.fromEntries(world.server.dict));
    expect(events).toBeLessThan(51 * 8);
    world.server.dict.set("after", 1);
    await turns(2);
    expect(client.global.dict.get("after")).toBe(1);
  });

  it("is told once what it has missed, though telling it asks to catch up first", async () => {
    const client = await stalled();
    for (let n = 0; n < 100; n++) world.server.dict.set(`key ${n}`, "-".repeat(1000));
    await turns(1);
    world.server.dict.set("missed", 1);
    await turns(1);
    const { session } = client.peer;
    const { beforeMessage } = session;
    let depth = 0;
    let deepest = 0;
    session.beforeMessage = () => {
      deepest = Math.max(deepest, ++depth);
      beforeMessage?.();
      depth--;
    };
    session.begin(63);
    session.commit();
    expect(deepest).toBe(2);
  });

  it("still hears everything in order when something else is said to it", async () => {
    const client = await stalled();
    const seen: unknown[] = [];
    client.session.handle({ 63: () => seen.push(client.global.dict.get("x")) });
    for (let n = 1; n <= 200; n++) {
      world.server.dict.set("x", n);
      world.server.dict.set("filling", "-".repeat(1000));
      await turns(1);
      if (n % 100 === 0) {
        client.peer.session.begin(63);
        client.peer.session.commit();
      }
    }
    expect(client.peer.session.sentFrames).toBeLessThan(100);
    client.session.link.resume();
    await turns(5);
    expect(seen).toEqual([100, 200]);
  });
});

describe("bytes that are no message about a dict", () => {
  const hostile: readonly (readonly [string, number, readonly number[]])[] = [
    ["an unknown dict", MessageType.dictWrite, [2, 2]],
    ["an unknown write", MessageType.dictWrite, [1, 99]],
    ["half a write", MessageType.dictWrite, [1, 0, 0xa1]],
    ["an unknown condition", MessageType.dictWrite, [1, 5, 0xa1, 0x61, 9]],
    ["an update of more keys than bytes", MessageType.dictWrite, [1, 4, 0xce, 0xff, 0xff, 0xff, 0xff]],
  ];
  it.each(hostile)("(%s) end the link of who sent them, and no other", async (_, type, bytes) => {
    const writer = a.session.begin(type);
    for (const byte of bytes) writer.byte(byte);
    a.session.commit();
    await turns(3);
    expect(a.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    b.global.dict.set("x", 1);
    await b.global.dict.synced();
    expect(world.server.dict.get("x")).toBe(1);
  });

  const answers: readonly (readonly [string, number, readonly number[]])[] = [
    ["an answer to nothing", MessageType.dictAcknowledge, [1, 1, 1]],
    ["a change of an unknown dict", MessageType.dictChange, [7, 1, 0]],
    ["a patch of a key that is not there", MessageType.dictChange, [1, 1, 1, 1, 3, 0xa1, 0x61, 0xc4, 0]],
    ["a snapshot cut short", MessageType.dictSnapshot, [1, 1, 0xc3, 5]],
  ];
  it.each(answers)("(%s) end the link of the client that gets them", async (_, type, bytes) => {
    const writer = a.peer.session.begin(type);
    for (const byte of bytes) writer.byte(byte);
    a.peer.session.commit();
    await turns(3);
    expect(a.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    expect(a.global.dict.stale).toBe(true);
  });

  it("inside a value harm only who reads that key", async () => {
    const writer = a.session.begin(MessageType.dictWrite);
    for (const byte of [1, 0, 0xa1, 0x61, 0xc4, 2, 0xc1, 0x7f]) writer.byte(byte);
    a.session.commit();
    a.global.dict.set("b", 1);
    await a.global.dict.synced();
    await turns(2);
    expect(b.global.dict.get("b")).toBe(1);
    expect(b.global.dict.has("a")).toBe(true);
    expect(() => b.global.dict.get("a")).toThrow(expect.objectContaining({ code: "CNR_ERR_UNDECODABLE" }));
    b.global.dict.delete("a");
    await b.global.dict.synced();
    expect(world.server.dict.has("a")).toBe(false);
  });
});

it("a getter that writes to the dict while its value is being sent is told so, and breaks nothing", async () => {
  const value = {
    get trap(): number {
      a.global.dict.set("inner", 1);
      return 1;
    },
  };
  const writer = a.session.begin(TEST_MESSAGE);
  expect(() => a.session.encoder.encode(writer, value)).toThrow("sends itself");
  a.session.drop();
  expect(a.global.dict.has("inner")).toBe(false);
  expect(() => a.global.dict.set("outer", value)).toThrow("being sent already");
  a.global.dict.set("after", 1);
  await a.global.dict.synced();
  expect(Object.fromEntries(world.server.dict)).toEqual({ after: 1 });
});
