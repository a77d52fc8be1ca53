import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../../src/core/errors.ts";
import type { SharedDict } from "../../../src/dict/shared-dict.ts";
import { turns } from "../session/session-pair.ts";
import { DictWorld, type JoinedClient } from "./dict-world.ts";

const LOST = failure("CNR_ERR_LINK_LOST", { reason: "the test" });

let world: DictWorld;
let a: JoinedClient;
let b: JoinedClient;
let dict: SharedDict;
let server: SharedDict;

beforeEach(async () => {
  world = new DictWorld();
  a = await world.join();
  b = await world.join();
  ({ dict } = a.global);
  server = world.server.dict;
});
afterEach(() => world.close());

/** Bytes that a client has sent to the server, and the server to another client, because of something. */
async function bytesSent(action: () => Promise<unknown>): Promise<{ up: number; down: number }> {
  let [up, down] = [0, 0];
  const count = (
    link: { write: (chunks: readonly Uint8Array[]) => void },
    add: (bytes: number) => void,
  ): void => {
    const { write } = link;
    link.write = (chunks) => {
      for (const chunk of chunks) add(chunk.length);
      write.call(link, chunks);
    };
  };
  count(a.session.link, (bytes) => {
    up += bytes;
  });
  count(b.peer.session.link, (bytes) => {
    down += bytes;
  });
  await action();
  await turns(3);
  return { up, down };
}

describe("mutate", () => {
  it("edits a copy in place, or takes what the recipe gives", async () => {
    dict.set("x", { list: [1], name: "a" });
    expect(
      await dict.mutate("x", (draft) => {
        draft.list.push(2);
        delete draft.name;
      }),
    ).toEqual({ list: [1, 2] });
    expect(await dict.mutate("x", (draft) => ({ ...draft, other: true }))).toEqual({
      list: [1, 2],
      other: true,
    });
    expect(server.get("x")).toEqual({ list: [1, 2], other: true });
    expect(await dict.mutate("count", (count = 0) => count + 1)).toBe(1);
    expect(await dict.mutate("x", async (draft) => void draft.list.push(3))).toEqual({
      list: [1, 2, 3],
      other: true,
    });
  });

  it("edits maps, sets, dates and bytes, which are frozen when they are read", async () => {
    dict.set("x", {
      map: new Map([["a", 1]]),
      set: new Set([1]),
      date: new Date(0),
      bytes: new Uint8Array(2),
    });
    await dict.mutate("x", (draft) => {
      draft.map.set("b", 2);
      draft.set.delete(1);
      draft.date.setTime(5);
      draft.bytes[1] = 9;
    });
    expect(server.get("x")).toEqual({
      map: new Map([
        ["a", 1],
        ["b", 2],
      ]),
      set: new Set(),
      date: new Date(5),
      bytes: new Uint8Array([0, 9]),
    });
  });

  it("shows at once, and gives frozen values", async () => {
    dict.set("x", [1]);
    const done = dict.mutate("x", (list) => void list.push(2));
    expect(dict.get("x")).toEqual([1, 2]);
    const value = await done;
    expect(() => value.push(3)).toThrow(TypeError);
  });

  it("keeps the edits of all who edit at once", async () => {
    server.set("doc", { title: "", pages: { one: "", two: "" }, list: [], count: 0 });
    await turns(2);
    await Promise.all([
      a.global.dict.mutate("doc", (doc) => ({ ...doc, title: "new" })),
      b.global.dict.mutate("doc", (doc) => void Object.assign(doc.pages, { one: "first" })),
      server.mutate("doc", (doc) => void Object.assign(doc.pages, { two: "second" })),
      ...[a, b, a, b].map(({ global }, n) =>
        global.dict.mutate("doc", (doc) => {
          doc.list.push(n);
          doc.count++;
        }),
      ),
    ]);
    await turns(2);
    const doc = server.get("doc");
    expect(doc).toMatchObject({ title: "new", pages: { one: "first", two: "second" }, count: 4 });
    expect([...doc.list].sort()).toEqual([0, 1, 2, 3]);
    expect(b.global.dict.get("doc")).toEqual(doc);
  });

  it("sends the changed places alone, to the server and from it", async () => {
    server.set(
      "big",
      Array.from({ length: 5000 }, (_, id) => ({ id, name: `item ${id}`, done: false })),
    );
    await turns(5);
    const { up, down } = await bytesSent(() =>
      dict.mutate("big", (items) => {
        items[10].done = true;
        items[4000].name = "another name";
        items.push({ id: 5000 });
        items.splice(2500, 1);
      }),
    );
    expect(up).toBeLessThan(400);
    expect(down).toBeLessThan(400);
    expect(b.global.dict.get("big")).toEqual(server.get("big"));
    expect(b.global.dict.get("big")[3999].name).toBe("another name");
  });

  it("sends a value that has become quite another one whole", async () => {
    dict.set("x", "a".repeat(500));
    await dict.mutate("x", () => Array.from({ length: 100 }, (_, n) => n * 7));
    await turns(2);
    expect(b.global.dict.get("x")).toEqual(Array.from({ length: 100 }, (_, n) => n * 7));
  });

  it("changes nothing when the recipe does not, once that is so at the server, too", async () => {
    server.set("x", "start");
    await turns(2);
    const heard: unknown[] = [];
    b.global.dict.on("change", ({ value }) => heard.push(value));
    expect(await dict.mutate("x", () => undefined)).toBe("start");
    expect(await dict.mutate("none", () => undefined)).toBeUndefined();
    await turns(2);
    expect(heard).toEqual([]);
    server.set("x", "newer");
    const seen: unknown[] = [];
    expect(await dict.mutate("x", (value) => void seen.push(value))).toBe("newer");
    expect(seen).toEqual(["start", "newer"]);
  });

  it("rejects with what the recipe throws", async () => {
    dict.set("x", [1]);
    await expect(
      dict.mutate("x", (list) => {
        list.push(2);
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(dict.get("x")).toEqual([1]);
  });

  it("lets several edits of one side follow each other without waiting", async () => {
    dict.set("list", []);
    const edits = Array.from({ length: 50 }, (_, n) => dict.mutate("list", (list) => void list.push(n)));
    server.set("list", ["theirs"]);
    await Promise.all(edits);
    const list = server.get("list");
    expect(
      [...list].filter((item: unknown) => item !== "theirs").sort((x: number, y: number) => x - y),
    ).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });
});

describe("waitFor", () => {
  it("resolves at once when it is so already", async () => {
    dict.set("x", 1);
    expect(await dict.waitFor("x")).toBe(1);
    expect(await dict.waitFor("x", (value) => value === 1)).toBe(1);
    expect(await dict.waitFor("none", (value) => value === undefined)).toBeUndefined();
  });

  it("resolves when anybody makes it so", async () => {
    const waits = [
      dict.waitFor("x"),
      dict.waitFor("x", (value) => value > 1),
      server.waitFor("y"),
      dict.waitFor("y"),
    ];
    server.set("x", 1);
    dict.set("y", "own");
    b.global.dict.set("x", 2);
    expect(await Promise.all(waits)).toEqual([1, 2, "own", "own"]);
  });

  it("does not miss what was so for a moment only", async () => {
    const wait = dict.waitFor("x", (value) => value === "short");
    server.set("x", "short");
    server.set("x", "over");
    expect(await wait).toBe("short");
  });

  it("can be ended by time and by a signal, given as second or third argument", async () => {
    await expect(dict.waitFor("x", { timeoutMs: 1 })).rejects.toMatchObject({ code: "CNR_ERR_TIMEOUT" });
    await expect(dict.waitFor("x", undefined, { timeoutMs: 1 })).rejects.toThrow('waitFor "x"');
    const controller = new AbortController();
    const wait = dict.waitFor("x", () => false, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(wait).rejects.toThrow("enough");
  });

  it("rejects with what the test throws", async () => {
    const failing = (): boolean => {
      throw new Error("no");
    };
    await expect(dict.waitFor("x", failing)).rejects.toThrow("no");
    const later = dict.waitFor("x", (value) => value !== undefined && failing());
    dict.set("x", 1);
    await expect(later).rejects.toThrow("no");
  });

  it("rejects when the link ends, and without one; what is so already is so still", async () => {
    dict.set("x", 1);
    await dict.synced();
    const wait = dict.waitFor("y");
    a.session.abort(LOST);
    await expect(wait).rejects.toBe(LOST);
    await expect(dict.waitFor("y")).rejects.toBe(LOST);
    expect(await dict.waitFor("x")).toBe(1);
  });
});

describe("changes", () => {
  it("gives each change, with who made it", async () => {
    const changes = dict.changes();
    dict.set("x", 1);
    expect(await changes.next()).toEqual({
      done: false,
      value: { key: "x", value: 1, previous: undefined, origin: "local" },
    });
    const next = changes.next();
    await dict.synced();
    server.set("x", 2);
    expect((await next).value).toEqual({ key: "x", value: 2, previous: 1, origin: "remote" });
    server.delete("x");
    expect((await changes.next()).value).toEqual({
      key: "x",
      value: undefined,
      previous: 2,
      origin: "remote",
    });
    await changes.return?.();
  });

  it("may be of one key", async () => {
    const changes = dict.changes("x");
    dict.update({ y: 1, x: 2 });
    expect((await changes.next()).value).toMatchObject({ key: "x", value: 2 });
    await changes.return?.();
  });

  it("is a loop, which can be left", async () => {
    const seen: unknown[] = [];
    setImmediate(() => {
      for (let n = 1; n <= 5; n++) dict.set(`key ${n}`, n);
    });
    for await (const { key, value } of dict.changes()) {
      seen.push([key, value]);
      if (value === 3) break;
    }
    expect(seen).toEqual([
      ["key 1", 1],
      ["key 2", 2],
      ["key 3", 3],
    ]);
    dict.set("unheard", 1);
  });

  it("merges the changes of a key for a reader that does not keep up", async () => {
    const changes = dict.changes();
    for (let n = 1; n <= 1000; n++) {
      dict.set("x", n);
      if (n % 2) dict.set("y", n);
    }
    dict.delete("y");
    expect((await changes.next()).value).toMatchObject({ key: "x", value: 1000, previous: undefined });
    expect((await changes.next()).value).toMatchObject({ key: "y", value: undefined, previous: undefined });
    dict.set("x", "next");
    expect((await changes.next()).value).toMatchObject({ key: "x", value: "next", previous: 1000 });
    await changes.return?.();
  });

  it("ends when the link is closed, after what had come", async () => {
    const changes = dict.changes();
    server.set("x", 1);
    await turns(2);
    await a.session.close();
    const seen: unknown[] = [];
    for await (const { key } of changes) seen.push(key);
    expect(seen).toEqual(["x"]);
    for await (const change of dict.changes()) seen.push(change);
    expect(seen).toHaveLength(1);
  });

  it("throws when the link is lost", async () => {
    const changes = dict.changes();
    const waiting = changes.next();
    a.session.abort(LOST);
    await expect(waiting).rejects.toBe(LOST);
    await expect(changes.next()).rejects.toBe(LOST);
  });

  it("can be ended by a signal", async () => {
    const controller = new AbortController();
    const waiting = dict.changes({ signal: controller.signal }).next();
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  it("serves several readers, in order of asking", async () => {
    const changes = dict.changes();
    const readers = [changes.next(), changes.next()];
    dict.set("x", 1);
    dict.set("y", 1);
    expect((await Promise.all(readers)).map(({ value }) => value.key)).toEqual(["x", "y"]);
    const last = changes.next();
    await changes.return?.();
    expect(await last).toEqual({ done: true, value: undefined });
  });
});

describe("on change", () => {
  it("tells this side's changes and those of others, until it is disposed of", async () => {
    const heard: unknown[] = [];
    const listener = dict.on("change", ({ key, value, previous, origin, changes }) => {
      heard.push([key, value, previous, origin, changes.length]);
    });
    dict.set("x", 1);
    await dict.synced();
    server.update({ x: 2, y: 3 });
    await turns(2);
    listener[Symbol.dispose]();
    dict.set("x", 3);
    expect(heard).toEqual([
      ["x", 1, undefined, "local", 1],
      ["x", 2, 1, "remote", 2],
    ]);
  });

  it("knows no other event", () => {
    expect(() => dict.on("chnage" as "change", () => {})).toThrow('no event "chnage"');
  });
});
