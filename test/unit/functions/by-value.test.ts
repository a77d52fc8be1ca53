import { afterEach, describe, expect, it } from "vitest";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { nodePlatform } from "../../../src/endpoint/node/node-platform.ts";
import { functionsByValue } from "../../../src/functions/by-value.ts";
import { type AnyFunction, formOf } from "../../../src/functions/captured-function.ts";
import { byValue, markOf } from "../../../src/functions/travel-mark.ts";
import { failureOf, sidesOfTests } from "../rpc/two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

type Any = (...args: unknown[]) => unknown;

function written(fn: AnyFunction): Uint8Array {
  const writer = new ByteWriter();
  functionsByValue(nodePlatform, true).write(writer, fn, "value");
  return writer.bytes.slice(0, writer.position);
}

function read(bytes: Uint8Array, mayRunCode = true, host = nodePlatform): Any {
  return functionsByValue(host, mayRunCode).read(new ByteReader(bytes)) as Any;
}

describe("a function by value", () => {
  it("does there what it does here, under its name", async () => {
    const add = read(
      written(function add(a: number, b: number) {
        return a + b;
      }),
    );
    expect([add.name, add(1, 2)]).toEqual(["add", 3]);
    expect(await read(written(async (n: number) => n * 2))(4)).toBe(8);
    expect([
      ...(read(
        written(function* () {
          yield 1;
        }),
      )() as Iterable<number>),
    ]).toEqual([1]);
    expect(read(written(Math.max))(1, 3)).toBe(3);
  });

  it("has the this that it is called with, and can be a class", () => {
    const get = read(
      written(function get(this: { n: number }) {
        return this.n;
      }),
    );
    expect(get.call({ n: 5 })).toBe(5);
    const Point = read(
      written(
        class Point {
          readonly x: number;
          constructor(x: number) {
            this.x = x;
          }
        } as unknown as AnyFunction,
      ),
    ) as unknown as new (
      x: number,
    ) => { x: number };
    expect(new Point(3).x).toBe(3);
  });

  it("is compiled when it is first called, and once", () => {
    let revived = 0;
    const host: typeof nodePlatform = {
      ...nodePlatform,
      revive(captured) {
        revived++;
        return nodePlatform.revive(captured);
      },
    };
    const fn = read(
      written((n: number) => n + 1),
      true,
      host,
    );
    expect(revived).toBe(0);
    expect([fn(1), fn(2)]).toEqual([2, 3]);
    expect(revived).toBe(1);
  });

  it("is only data where code may not run, and is not passed on, for others would run it", () => {
    const refused = read(
      written((n: number) => n + 1),
      false,
    );
    const refusal = expect.objectContaining({ code: "CNR_ERR_NOT_ALLOWED", details: expect.anything() });
    expect(() => refused(1)).toThrow(refusal);
    expect(() => written(refused)).toThrow(refusal);
    expect(formOf(refused)).toBeUndefined();
  });

  it("travels on as it came where code may run", () => {
    const bytes = written((n: number) => n + 1);
    expect(written(read(bytes))).toEqual(bytes);
  });

  it("that uses what is around it is refused, naming it", () => {
    const secret = Math.random();
    expect(() => written(() => secret)).toThrow(
      expect.objectContaining({ code: "CNR_ERR_CAPTURES", message: expect.stringContaining("secret") }),
    );
  });

  it("is nothing else on the wire: live callbacks and unknown forms are refused", () => {
    for (const bytes of [[1, 5, 0xa0], [2, 5], [9], [0, 9], []]) {
      expect(() => read(new Uint8Array(bytes))).toThrow(
        expect.objectContaining({ code: "CNR_ERR_UNDECODABLE" }),
      );
    }
  });
});

describe("byValue", () => {
  it("marks a function and gives it back", () => {
    const fn = (): void => {};
    expect([markOf(fn), byValue(fn) === fn, markOf(fn)]).toEqual([undefined, true, "value"]);
  });

  it("makes an argument travel as its code: it runs there, without the link", async () => {
    const { client, server } = await open();
    let taken: Any | undefined;
    server.expose({
      take: (fn: Any) => {
        taken = fn;
        return fn(20);
      },
    });
    expect(await client.call("take", [byValue((n: number) => n + 1)])).toBe(21);
    await client.session.close();
    expect(taken?.(1)).toBe(2);
  });

  it("makes a result travel as its code", async () => {
    const { client, server } = await open();
    server.expose({ give: () => byValue((n: number) => n * 3) });
    const fn = await client.call<Any>("give");
    await client.session.close();
    expect(fn(2)).toBe(6);
  });

  it("is refused when the function captures something, and the call is not made", async () => {
    const { client, server } = await open();
    server.expose({ take: () => expect.unreachable() });
    const limit = [1];
    expect(await failureOf(client.call("take", [{ fn: byValue(() => limit) }]))).toMatchObject({
      code: "CNR_ERR_CAPTURES",
    });
  });

  it("does not run where code may not", async () => {
    const { client, server } = await open({ grants: { code: false } });
    server.expose({ take: (fn: Any) => fn(1) });
    expect(await failureOf(client.call("take", [byValue((n: number) => n)]))).toMatchObject({
      code: "CNR_ERR_NOT_ALLOWED",
    });
    expect(await client.call("take", [(n: number) => n + 1])).toBe(2);
  });
});
