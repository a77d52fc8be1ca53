import { afterEach, describe, expect, it } from "vitest";
import { outcomeOf, QueueWorld, turns, type WorldOptions } from "./queue-world.ts";

const worlds: QueueWorld[] = [];
function world(options?: WorldOptions): QueueWorld {
  const made = new QueueWorld(options);
  worlds.push(made);
  return made;
}
afterEach(async () => {
  for (const made of worlds.splice(0)) await made.close();
});

describe("put and get", () => {
  it("hand an item from one client to another", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    await a.queue().put({ id: 1 });
    expect(await b.queue().get()).toEqual({ id: 1 });
    expect(await a.queue().size()).toBe(0);
  });

  it("hand an item to a get that waits", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const got = b.queue().get();
    await a.queue().put("late");
    expect(await got).toBe("late");
  });

  it("work between a client and its peer, in both directions and to oneself", async () => {
    const client = world().connect();
    await client.locals.get("q").put("to the server");
    expect(await client.peer.get("q").get()).toBe("to the server");
    await client.peer.get("q").put("to the client");
    expect(await client.locals.get("q").get()).toBe("to the client");
    await client.locals.get("q").put("to myself");
    expect(await client.locals.get("q").get()).toBe("to myself");
  });

  it("keep the order of the puts, however many there are", async () => {
    const all = world();
    const [a, b] = [all.connect(), all.connect()];
    const values = Array.from({ length: 1000 }, (_, n) => n);
    const puts = values.map((n) => a.queue().put(n));
    const gets = values.map(() => b.queue().get());
    await Promise.all(puts);
    expect(await Promise.all(gets)).toEqual(values);
  });

  it("serve the server itself as one among its clients", async () => {
    const all = world();
    const client = all.connect();
    const first = outcomeOf(client.queue().get());
    await turns();
    const second = outcomeOf(all.server.get("tasks").get());
    await all.server.get("tasks").put("a");
    await client.queue().put("b");
    await turns();
    expect([first.value, second.value]).toEqual(["a", "b"]);
  });
});
