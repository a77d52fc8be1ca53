import { describe, expectTypeOf, test } from "vitest";
import { Client, type Future, type Queue, Server } from "../../src/index.ts";

const server = new Server({ host: "127.0.0.1", port: 1900 });
const client = new Client();

/** Without a type argument everything is loose: the original's examples compile word for word. */
describe("without an application type", () => {
  test("connecting", async () => {
    await client.connect("127.0.0.1", 57_680);
    await client.connect("connector://127.0.0.1:1900");
    if (server.address) await client.connect(server.address);
    console.log(`${server.address}`, server.url);
    server.clients[0]?.vars.var1;
    await server.clients.get("127.0.0.1:8273")?.send("hi");
    await server.clients.get({ host: "127.0.0.1", port: 8273 })?.send("hi");
    await server.clients.named("worker-3")?.send("hi");
    for (const peer of server.clients) await peer.send("hi");
    server.setConnectCallback(async (peer) => {
      while (!peer.isClosed) {
        const content = await peer.recv();
        for (const each of peer.server.clients)
          if (each !== peer) await each.send({ address: peer.address, content });
      }
    });
    server.setDisconnectCallback((address, peer, reason) =>
      console.log(`${address}`, peer.name, reason.code),
    );
    await server.holdOn();
    await client.holdOn();
  });

  test("variables", () => {
    client.vars.var1 = 256;
    server.vars.test_var = [0, "well"];
    server.vars.test_var[0] + 1;
    client.globals.vars.func = (x: number) => x;
    client.globals.vars.func(1).toFixed();
    delete client.vars.var1;
    client.dict.get("x").anything.goes;
    client.dict.update({ a: 1, b: "two" });
    client.globals.dict.on("change", ({ key, value, previous, origin }) =>
      console.log(key, value.x, previous, origin),
    );
  });

  test("pipes", async () => {
    await client.send("What's you name?");
    (await client.recv()).anything;
    await client.pipes.any_name.send("How old are you?");
    (await client.pipes.any_name.recv()) + 1;
    client.pipes["any name"].tryRecv();
    for await (const { from, text } of client.pipes.chat) console.log(from, text);
  });

  test("queues", async () => {
    await client.put("Send me a file: test.jpg");
    await client.queues.other_queue.put("Call me in 5 minutes.");
    await client.globals.queues.news.put({ title: "Super man died", body: "..." });
    (await server.queues.news.get()).title;
    (await server.get()).type;
    const dx = 1 / 1000;
    let result = 0;
    result += dx * (await server.queues.result.get());
    for await (const { id } of client.globals.queues.task) console.log(id, result);
    delete server.queues.news;
    "news" in server.queues;
  });

  test("calls", async () => {
    server.expose({ add: (a, b) => a.toFixed() + b, group: { deep: (x, { by = 2 } = {}) => x * by } });
    (await client.remote.add(1, 2)) + 1;
    await client.remote.group.deep();
    await client.callRemote("console.log", ["hello"]);
    (await client.callRemote("add", [1, 2])).anything;
    (await client.eval("1 + 1")).anything;
    await client.exec("const x = 1");
    expectTypeOf(client.callRemote("add")).toExtend<Promise<unknown>>();
    for await (const n of client.remote.count(3)) n.anything;
  });

  test("call() knows the function that it ships", async () => {
    expectTypeOf(client.call((a: number, b: string) => a + b.length, [1, "x"])).toEqualTypeOf<
      Future<number>
    >();
    expectTypeOf(client.call(async () => "text")).toEqualTypeOf<Future<string>>();
    // @ts-expect-error the arguments are those of the function
    void client.call((a: number) => a, ["x"]);
    await client.call(console.log, ["hello"]);
  });
});

describe("a queue by itself", () => {
  test("is typed by its items", () => {
    type Jobs = Queue<{ id: number }>;
    expectTypeOf<ReturnType<Jobs["get"]>>().resolves.toEqualTypeOf<{ id: number }>();
    expectTypeOf<ReturnType<Jobs["tryGet"]>>().resolves.toEqualTypeOf<{ id: number } | undefined>();
  });
});

describe("a Future", () => {
  test("is a promise with more", () => {
    expectTypeOf<Future<number>>().toExtend<Promise<number>>();
    const promise: Promise<number> = {} as Future<number>;
    expectTypeOf(promise).resolves.toBeNumber();
    expectTypeOf<Awaited<Future<string>>>().toBeString();
    expectTypeOf<Future<number>["done"]>().returns.toBeBoolean();
    expectTypeOf<Future<number>["cancel"]>().returns.toBeBoolean();
    expectTypeOf<Future<number>["result"]>().returns.resolves.toBeNumber();
    expectTypeOf<Future<number>["state"]>().toEqualTypeOf<
      "pending" | "fulfilled" | "rejected" | "cancelled"
    >();
  });
});
