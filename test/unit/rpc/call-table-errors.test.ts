import { afterEach, describe, expect, it } from "vitest";
import { failure, LimitError, RemoteError } from "../../../src/core/errors.ts";
import { failureOf, type Side, sidesOfTests, turns } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

/** What arrives at the caller when the function throws this. */
async function thrownAs(thrown: unknown, limits = {}): Promise<unknown> {
  const { client, server } = await open({ limits });
  server.expose({
    now() {
      throw thrown;
    },
    async later() {
      await Promise.resolve();
      throw thrown;
    },
    fine: () => 1,
  });
  const error = await failureOf(client.call("now"));
  const later = await failureOf(client.call("later"));
  expect(String(later)).toBe(String(error));
  expect(await client.call("fine")).toBe(1);
  return error;
}

describe("a thrown error", () => {
  it("arrives as the same built-in class", async () => {
    for (const Class of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
      const error = await thrownAs(new Class("why"));
      expect(Object.getPrototypeOf(error)).toBe(Class.prototype);
      expect(error).toMatchObject({ name: Class.name, message: "why" });
    }
    expect(await thrownAs(new DOMException("stop", "AbortError"))).toMatchObject({
      name: "AbortError",
      code: 20,
    });
  });

  it("of a class of its own has its name, its fields and its code, as the nearest class that is known here", async () => {
    class AppError extends Error {
      readonly code = "E_APP";
      readonly where = { line: 7 };
      override readonly name = "AppError";
    }
    class FormError extends RangeError {
      field = "age";
    }
    const error = await thrownAs(new AppError("broken"));
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ name: "AppError", message: "broken", code: "E_APP", where: { line: 7 } });
    const form = await thrownAs(new FormError("too old"));
    expect(form).toBeInstanceOf(RangeError);
    expect(form).toMatchObject({ message: "too old", field: "age" });
  });

  it("of this library's keeps its class and code", async () => {
    const error = await thrownAs(failure("CNR_ERR_TOO_MANY", { what: "cats", max: 3 }));
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({
      code: "CNR_ERR_TOO_MANY",
      retryable: true,
      details: { what: "cats", max: 3 },
    });
  });

  it("brings its causes, however they are linked, and the errors of an AggregateError", async () => {
    const root = new TypeError("root");
    const middle = new Error("middle", { cause: root });
    const error = (await thrownAs(new Error("top", { cause: middle }))) as Error & { cause: Error };
    expect(error.cause).toMatchObject({ message: "middle", cause: { name: "TypeError", message: "root" } });
    const cyclic = new Error("cyclic");
    cyclic.cause = cyclic;
    const arrived = (await thrownAs(cyclic)) as Error;
    expect(arrived.cause).toBe(arrived);
    const all = (await thrownAs(new AggregateError([new RangeError("a"), 5], "both"))) as AggregateError;
    expect(all).toBeInstanceOf(AggregateError);
    expect(all.errors).toEqual([new RangeError("a"), 5]);
    expect(await thrownAs(new Error("plain cause", { cause: "text" }))).toHaveProperty("cause", "text");
  });

  it("that is no error arrives as what it is", async () => {
    for (const thrown of [5, null, undefined, "text", { plain: [1] }])
      expect(await thrownAs(thrown)).toEqual(thrown);
  });
});

describe("a thrown error that cannot travel as it is", () => {
  it("arrives without the field that cannot, of its class and with its plain fields", async () => {
    const error = await thrownAs(
      Object.assign(new TypeError("no"), { code: "E_SOCKET", status: 3, socket: new WeakMap() }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "no", code: "E_SOCKET", status: 3 });
    expect(error).not.toHaveProperty("socket");
    expect(String((error as Error).stack)).toContain("call-table-errors.test.ts");
    const ours = await thrownAs(
      failure("CNR_ERR_TIMEOUT", { what: "it", timeoutMs: 5, hidden: Symbol("x") }),
    );
    expect(ours).toMatchObject({
      name: "TimeoutError",
      code: "CNR_ERR_TIMEOUT",
      message: "it did not finish within 5 ms",
    });
    expect(await thrownAs(new Error("caused", { cause: new WeakSet() }))).toMatchObject({
      message: "caused",
    });
  });

  it("arrives without methods and symbols, which no error can do without", async () => {
    const error = await thrownAs(
      Object.assign(new Error("no"), { retry: () => {}, mark: Symbol("m"), kept: 1 }),
    );
    expect(error).toMatchObject({ message: "no", kept: 1 });
    expect(error).not.toHaveProperty("retry");
  });

  it("arrives with its text cut when that is over the limit, however small the limit", async () => {
    const long = await thrownAs(new RangeError("x".repeat(50_000)), { maxValueBytes: 20_000 });
    expect(long).toBeInstanceOf(RangeError);
    expect((long as Error).message).toBe("x".repeat(4096));
    expect(await thrownAs(new RangeError("y".repeat(5000)), { maxValueBytes: 1000 })).toMatchObject({
      name: "RangeError",
      message: "y".repeat(100),
    });
  });

  it("is told by what says so, when it is no error", async () => {
    expect(await thrownAs(Symbol("s"))).toMatchObject({ code: "CNR_ERR_UNSENDABLE" });
    expect(await thrownAs({ deep: [new WeakMap()] })).toMatchObject({ details: { path: "value.deep[0]" } });
  });

  it("takes nobody with it, though its own getters throw", async () => {
    const hostile = Object.defineProperties(new Error("x"), {
      message: { get: () => raise(new Error("message")) },
      extra: { enumerable: true, get: () => raise(Object.assign(new Error("extra"), { at: new WeakMap() })) },
    });
    expect(await failureOf(thrownAs(hostile).then((error) => raise(error)))).toBeInstanceOf(Error);
  });
});

function raise(error: unknown): never {
  throw error;
}

describe("the stack of a thrown error", () => {
  const frames = (error: unknown): string[] =>
    String((error as Error).stack)
      .split("\n")
      .slice(1);
  const place = (frame: string | undefined): string =>
    /at (?:async )?(?:(\S+) \()?/.exec(frame ?? "")?.[1] ?? "";

  function failing(side: Side): void {
    class Job {
      #runStep(): never {
        throw new TypeError("too big");
      }
      work(): void {
        this.#runStep();
      }
    }
    side.expose({
      compute: () => new Job().work(),
      async later() {
        await Promise.resolve();
        new Job().work();
      },
      async *stream() {
        yield 1;
        new Job().work();
      },
    });
  }

  it("tells the remote frames, where it ran, then the frames of the caller, and nothing of the library", async () => {
    const { client, server } = await open();
    failing(server);
    async function caller(name: string): Promise<void> {
      await client.call(name);
    }
    for (const name of ["compute", "later"]) {
      const all = frames(await failureOf(caller(name)));
      const ran = all.findIndex((line) => line.includes("--- ran on"));
      expect(all[ran]).toBe(`    at --- ran on memory:1 for callRemote("${name}") ---`);
      expect(all.slice(0, ran).map(place)).toEqual([
        "Job.#runStep",
        "Job.work",
        expect.stringContaining(name),
      ]);
      expect(all.slice(ran + 1).map(place)).toContain("caller");
      expect(all.join("\n")).not.toMatch(/src\/|node:internal/);
    }
  });

  it("tells the same of the error of a stream", async () => {
    const { client, server } = await open();
    failing(server);
    async function reader(): Promise<void> {
      for await (const value of client.call<AsyncGenerator<number>>("stream")) expect(value).toBe(1);
    }
    const all = frames(await failureOf(reader()));
    const ran = all.findIndex((line) => line.includes('--- ran on memory:1 for callRemote("stream")'));
    expect(all.slice(0, ran).map(place).slice(0, 2)).toEqual(["Job.#runStep", "Job.work"]);
    expect(all.slice(ran + 1).map(place)).toContain("reader");
    expect(all.join("\n")).not.toMatch(/src\/|node:internal/);
  });

  it("tells each hop of calls within calls", async () => {
    const { client, server } = await open();
    failing(client);
    server.expose({ relay: () => server.call("compute") });
    const hops = frames(await failureOf(client.call("relay"))).filter((line) => line.includes("--- ran on"));
    expect(hops).toEqual([
      '    at --- ran on memory:2 for callRemote("compute") ---',
      '    at --- ran on memory:1 for callRemote("relay") ---',
    ]);
  });

  it("of shipped code names that code", async () => {
    const { client } = await open();
    const shipped = frames(
      await failureOf(
        client.calls.callFunction(function inner(): never {
          throw new Error("x");
        }, []),
      ),
    );
    expect(place(shipped[0])).toBe("inner");
    expect(shipped[1]).toContain("--- ran on memory:1 for call(inner) ---");
    const evaluated = frames(await failureOf(client.calls.run("eval", "null.x")));
    expect(evaluated[0]).toContain("connector:eval");
    expect(evaluated.join("\n")).not.toMatch(/src\//);
  });

  it("of an unknown name is the caller's alone", async () => {
    const { client } = await open();
    expect(frames(await failureOf(client.call("nope")))[0]).toContain("--- ran on");
  });

  it("tells who awaits it, however many calls wait", async () => {
    const { client, server } = await open();
    failing(server);
    const errors = await Promise.all(Array.from({ length: 200 }, () => failureOf(client.call("compute"))));
    for (const error of errors) {
      const all = frames(error);
      expect(all.slice(all.findIndex((line) => line.includes("--- ran on"))).map(place)).toContain(
        "failureOf",
      );
    }
  });

  it("is there for a call that nobody awaits yet", async () => {
    const { client, server } = await open();
    failing(server);
    const call = client.call("compute");
    await turns();
    expect(call.state).toBe("rejected");
    expect(frames(await call.exception()).at(-1)).toBe(
      '    at --- ran on memory:1 for callRemote("compute") ---',
    );
  });
});
