import { describe, expectTypeOf, test } from "vitest";
import {
  byReference,
  byValue,
  Client,
  type Future,
  type Peer,
  type Pipe,
  type Queue,
  Server,
} from "../../src/index.ts";

/** The application of SPEC section 10. */
interface App {
  vars: { progress: number };
  pipe: { toServer: string; toClient: { from: string; text: string } };
  pipes: { chat: { toServer: string; toClient: number } };
  queues: { jobs: { id: number } };
  globals: { vars: { func: (x: number) => number }; queues: { task: number; result: number } };
  serverFunctions: {
    add(a: number, b: number): number;
    later(): Promise<"done">;
    count(to: number): AsyncGenerator<number>;
    math: { square(x: number): number };
  };
  clientFunctions: { ping(): "pong" };
}

const server = new Server<App>({ host: "127.0.0.1" });
const client = new Client<App>();
const peer = server.clients[0] as Peer<App>;

describe("variables", () => {
  test("are those declared, on both sides", () => {
    expectTypeOf(client.vars.progress).toEqualTypeOf<number | undefined>();
    expectTypeOf(peer.vars.progress).toEqualTypeOf<number | undefined>();
    expectTypeOf(client.globals.vars.func).toEqualTypeOf<((x: number) => number) | undefined>();
    expectTypeOf(server.vars.func).toEqualTypeOf<((x: number) => number) | undefined>();
    client.vars.progress = 0.5;
    delete client.vars.progress;
    // @ts-expect-error progress is a number
    client.vars.progress = "half";
    // @ts-expect-error there is no such variable
    client.vars.progres = 0.5;
    // @ts-expect-error local variables are not global ones
    server.vars.progress;
  });

  test("have typed methods", () => {
    expectTypeOf(client.dict.get("progress")).toEqualTypeOf<number | undefined>();
    expectTypeOf(client.dict.get("progress", "none")).toEqualTypeOf<number | string>();
    expectTypeOf(client.dict.increment("progress", 1)).resolves.toBeNumber();
    expectTypeOf(client.dict.waitFor("progress")).resolves.toBeNumber();
    expectTypeOf(client.dict.modify("progress", (value) => (value ?? 0) + 1)).resolves.toBeNumber();
    client.dict.set("progress", 1);
    client.dict.update({ progress: 1 });
    // @ts-expect-error progress is a number
    client.dict.set("progress", "half");
    // @ts-expect-error there is no such variable
    client.dict.get("progres");
    // @ts-expect-error progress is a number
    void client.dict.compareAndSet("progress", 1, "two");
    // @ts-expect-error progress is a number
    client.dict.update({ progress: "half" });
  });
});

describe("pipes", () => {
  test("go one way as the client sends, the other way as the server does", () => {
    expectTypeOf(client.send).parameter(0).toBeString();
    expectTypeOf(client.recv()).resolves.toEqualTypeOf<{ from: string; text: string }>();
    expectTypeOf(client.tryRecv()).toEqualTypeOf<{ from: string; text: string } | undefined>();
    expectTypeOf(peer.send).parameter(0).toEqualTypeOf<{ from: string; text: string }>();
    expectTypeOf(peer.recv()).resolves.toBeString();
    expectTypeOf(client.pipes.chat).toExtend<Pipe<number, string>>();
    expectTypeOf(peer.pipes.chat).toExtend<Pipe<string, number>>();
    expectTypeOf(server.broadcast).parameter(0).toEqualTypeOf<{ from: string; text: string }>();
    // @ts-expect-error the server sends objects
    void peer.send("text");
    // @ts-expect-error the client sends text
    void client.pipes.chat.send(1);
    // @ts-expect-error there is no such pipe
    client.pipes.chatt;
  });
});

describe("queues", () => {
  test("have typed items, local and global", () => {
    expectTypeOf(client.queues.jobs).toEqualTypeOf<Queue<{ id: number }>>();
    expectTypeOf(peer.queues.jobs.get()).resolves.toEqualTypeOf<{ id: number }>();
    expectTypeOf(client.globals.queues.task.get()).resolves.toBeNumber();
    expectTypeOf(server.queues.result.tryGet()).resolves.toEqualTypeOf<number | undefined>();
    // @ts-expect-error a job has a number
    void client.queues.jobs.put({ id: "one" });
    // @ts-expect-error tasks are numbers
    void server.queues.task.put("x");
    // @ts-expect-error there is no such queue
    server.queues.jobs;
  });
});

describe("functions of the other side", () => {
  test("have their parameters, and give futures", () => {
    expectTypeOf(client.remote.add).parameters.toEqualTypeOf<[a: number, b: number]>();
    expectTypeOf(client.remote.add(1, 2)).toEqualTypeOf<Future<number>>();
    expectTypeOf(client.remote.later()).toEqualTypeOf<Future<"done">>();
    expectTypeOf(client.remote.math.square(2)).toEqualTypeOf<Future<number>>();
    expectTypeOf(peer.remote.ping()).toEqualTypeOf<Future<"pong">>();
    // @ts-expect-error two numbers
    void client.remote.add(1);
    // @ts-expect-error numbers
    void client.remote.add(1, "2");
    // @ts-expect-error there is no such function
    client.remote.ad;
    // @ts-expect-error that one is the server's
    peer.remote.add;
  });

  test("that are generators are async iterables, with and without await", async () => {
    for await (const n of client.remote.count(3)) expectTypeOf(n).toBeNumber();
    for await (const n of await client.remote.count(3)) expectTypeOf(n).toBeNumber();
  });
});

describe("functions of this side", () => {
  test("are those declared, each giving its result now or later", () => {
    server.expose({ add: (a, b) => a + b, later: () => "done", math: { square: async (x) => x * x } });
    peer.expose({ add: async (a, b) => a + b });
    client.expose({ ping: () => "pong" });
    // @ts-expect-error numbers
    server.expose({ add: (a: string) => a.length });
    // @ts-expect-error the result is a number
    server.expose({ add: () => "3" });
    // @ts-expect-error there is no such function
    server.expose({ ad: () => 3 });
    // @ts-expect-error that one is the client's
    server.expose({ ping: () => "pong" });
  });
});

describe("marks of functions", () => {
  test("give back the function that they were given", () => {
    const square = (x: number): number => x * x;
    expectTypeOf(byReference(square)).toEqualTypeOf<(x: number) => number>();
    expectTypeOf(byValue(square)).toEqualTypeOf<(x: number) => number>();
    // @ts-expect-error only functions are marked
    byReference({ square });
    // @ts-expect-error only functions are marked
    byValue(5);
  });
});

describe("parts left out", () => {
  test("are loose, the others typed", () => {
    const partly = new Client<{ vars: { progress: number } }>();
    expectTypeOf(partly.vars.progress).toEqualTypeOf<number | undefined>();
    partly.queues.anything.put({ any: "thing" });
    partly.globals.vars.anything = 1;
    partly.remote.anything(1, 2);
    partly.expose({ anything: (x) => x.goes });
  });
});
