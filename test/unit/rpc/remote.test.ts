import { inspect } from "node:util";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { Future } from "../../../src/core/future.ts";
import { type RemoteFunctions, remoteView } from "../../../src/rpc/remote.ts";
import { sidesOfTests } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

interface Functions {
  add(a: number, b: number): number;
  math: { deep: { negate(n: number): Promise<number> } };
  count(to: number): AsyncGenerator<number, void, undefined>;
  [name: string]: unknown;
}

/** A view, and the names that were called through it. */
function viewed(): { remote: RemoteFunctions<Functions>; calls: [name: string, args: unknown[]][] } {
  const calls: [string, unknown[]][] = [];
  const remote = remoteView<Functions>((name, args) => {
    calls.push([name, args]);
    return new Future<unknown>();
  });
  return { remote, calls };
}

describe("the remote view", () => {
  it("calls functions by their dotted names, and gives futures", async () => {
    const { client, server } = await open();
    server.expose({
      add: (a: number, b: number) => a + b,
      math: { deep: { negate: (n: number) => -n } },
      async *count(to: number) {
        for (let n = 0; n < to; n++) yield n;
      },
    });
    const remote = remoteView<Functions>((name, args) => client.call(name, args));
    const sum = remote.add(1, 2);
    expect(sum).toBeInstanceOf(Future);
    expectTypeOf(sum).toEqualTypeOf<Future<number>>();
    expectTypeOf(remote.math.deep.negate).returns.toEqualTypeOf<Future<number>>();
    expectTypeOf(remote.count).returns.toEqualTypeOf<Future<AsyncGenerator<number, void, undefined>>>();
    expect([await sum, await remote.math.deep.negate(3)]).toEqual([3, -3]);
    const counted: number[] = [];
    for await (const n of remote.count(3)) counted.push(n);
    expect(counted).toEqual([0, 1, 2]);
  });

  it("gives the same member each time", () => {
    const { remote } = viewed();
    expect(remote.add).toBe(remote.add);
    expect(remote.math.deep).toBe(remote.math.deep);
  });

  it("calls nothing when it is awaited, printed, compared or inspected", async () => {
    const { remote, calls } = viewed();
    expect(await (remote as unknown as Promise<unknown>)).toBe(remote);
    expect(await Promise.resolve(remote.add)).toBe(remote.add);
    // Since Node 26 it also says that they are proxies.
    expect(inspect(remote)).toMatch(/^(Proxy\()?\[Function: remote\]\)?$/);
    expect(inspect(remote.math)).toMatch(/^(Proxy\()?\[Function: math\]\)?$/);
    expect([JSON.stringify(remote), JSON.stringify({ add: remote.add })]).toEqual([undefined, "{}"]);
    expect(() => `${remote as unknown as string}`).toThrow(TypeError);
    expect(() => `${remote.add as unknown as string}`).toThrow(TypeError);
    expect(Object.keys(remote)).toEqual([]);
    expect("add" in remote).toBe(false);
    expect([remote["constructor"], remote["prototype"], remote["toString"]]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(remote instanceof Promise).toBe(false);
    for (const _ in remote) expect.unreachable();
    expect(calls).toEqual([]);
  });

  it("is no function itself, and cannot be written to", () => {
    const { remote, calls } = viewed();
    expect(() => (remote as unknown as () => void)()).toThrow("remote is no function");
    expect(() => Object.assign(remote, { add: 1 })).toThrow(TypeError);
    expect(calls).toEqual([]);
  });

  it("passes any other name on as it is", () => {
    const { remote, calls } = viewed();
    const any = remote as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const name of ["name", "length", "apply", "call", "bind", "__proto__", "hasOwnProperty"])
      any[name]?.(1);
    expect(calls).toEqual(
      ["name", "length", "apply", "call", "bind", "__proto__", "hasOwnProperty"].map((name) => [name, [1]]),
    );
  });
});
