import { describe, expect, it } from "vitest";
import { serve, twoPrograms } from "../fixtures/programs.ts";

const programs = await twoPrograms();
const [one, two] = programs;

/** Code for the other program's main thread, in one scope for each link. */
describe("eval and exec", { timeout: 30_000 }, () => {
  it.each([
    ["6 * 7", 42],
    ["'text'", "text"],
    ["{ a: 1 }", { a: 1 }],
    ["[1, [2]]", [1, [2]]],
    ["let x = 5; x + 1", 6],
    ["if (true) 'yes'; else 'no'", "yes"],
    ["for (let i = 0; i < 3; i++) i * 10", 20],
    ["await Promise.resolve('awaited')", "awaited"],
    ["new Promise((resolve) => setTimeout(resolve, 1, 'promised'))", "promised"],
    ["(await import('node:path')).basename('/a/b.txt')", "b.txt"],
    ["new Map([[1, new Set([2])]])", new Map([[1, new Set([2])]])],
    ["undefined", undefined],
    ["", undefined],
    ["// nothing but a comment", undefined],
    ["10n ** 20n", 10n ** 20n],
    ["typeof process.pid", "number"],
  ])("eval gives the value of %j", async (code, value) => {
    await using room = await serve([one]);
    expect(await room.peer(0).eval(code)).toEqual(value);
  });

  it("run in the other process, among its globals", async () => {
    await using room = await serve([one]);
    expect(await room.peer(0).eval("process.pid")).toBe(one.pid);
    expect(await one.run(({ client }) => client.eval("process.pid"))).toBe(process.pid);
    await room.peer(0).exec("globalThis.sharedWithProgram = [1]");
    expect(await one.run(() => Reflect.get(globalThis, "sharedWithProgram"))).toEqual([1]);
    await room.peer(0).exec("delete globalThis.sharedWithProgram");
  });

  it("names made by exec stay for later eval, exec and callRemote of the same link", async () => {
    await using room = await serve(programs);
    const peer = room.peer(0);
    expect(
      await peer.exec(
        "const a = 1; let b = 2; var c = 3; function add(x, y) { return x + y } class K { v = 9 }",
      ),
    ).toBeUndefined();
    expect(await peer.eval("[a, b, c, add(a, b), new K().v]")).toEqual([1, 2, 3, 3, 9]);
    await peer.exec("b = 20; const a = 'again'");
    expect(await peer.eval("[a, b]")).toEqual(["again", 20]);
    expect(await peer.callRemote("add", [40, 2])).toBe(42);
    await expect(room.peer(1).eval("a")).rejects.toBeInstanceOf(ReferenceError);
  });

  it("names of one client's link are not those of another's, at the server", async () => {
    await using room = await serve(programs);
    await one.run(({ client }) => client.exec("const mine = 'one'"));
    await two.run(({ client }) => client.exec("const mine = 'two'"));
    expect(await one.run(({ client }) => client.eval("mine"))).toBe("one");
    expect(await two.run(({ client }) => client.eval("mine"))).toBe("two");
    expect(room.server.clients.length).toBe(2);
  });

  it("names go with their link", async () => {
    await using room = await serve([one]);
    await one.run(({ client }) => client.exec("const gone = 1"));
    await one.connect(room.server.url);
    await expect(one.run(({ client }) => client.eval("gone"))).rejects.toMatchObject({
      name: "ReferenceError",
    });
  });

  it("exec gives the value of return, and takes import, await and loops", async () => {
    await using room = await serve([one]);
    const peer = room.peer(0);
    expect(await peer.exec("return 5")).toBe(5);
    expect(await peer.exec("1 + 1")).toBeUndefined();
    expect(
      await peer.exec(`
        import { join } from "node:path";
        import * as os from "node:os";
        const parts = [];
        for (const part of ["a", "b"]) parts.push(await Promise.resolve(part));
        return [join(...parts), typeof os.cpus];
      `),
    ).toEqual(["a/b", "function"]);
    expect(await peer.eval("join('x', 'y')")).toBe("x/y");
    expect(await peer.exec("if (parts.length > 1) { return 'early' } return 'late'")).toBe("early");
  });

  it("errors name what is wrong, and leave the scope usable", async () => {
    await using room = await serve([one]);
    const peer = room.peer(0);
    await expect(peer.eval("1 +")).rejects.toBeInstanceOf(SyntaxError);
    await expect(peer.eval("noSuchName")).rejects.toBeInstanceOf(ReferenceError);
    await expect(peer.exec("throw new TypeError('mine')")).rejects.toMatchObject({
      name: "TypeError",
      message: "mine",
    });
    await expect(peer.exec("import 'no-such-package-anywhere'")).rejects.toMatchObject({
      code: "ERR_MODULE_NOT_FOUND",
    });
    await expect(peer.eval("Promise.reject(new RangeError('later'))")).rejects.toBeInstanceOf(RangeError);
    expect(await peer.eval("'fine'")).toBe("fine");
  });

  it("may give functions, which are live callbacks here", async () => {
    await using room = await serve([one]);
    const peer = room.peer(0);
    const next = await peer.eval("(() => { let n = 0; return () => ++n })()");
    expect([await next(), await next(), await next()]).toEqual([1, 2, 3]);
  });

  it("may use the link that they came over", async () => {
    await using room = await serve([one]);
    room.server.expose({ hello: () => "from the server" });
    await room.peer(0).exec("const heard = []");
    expect(await one.run(({ client }) => client.eval("typeof peer"))).toBe("object");
    expect(await room.peer(0).eval("client.remote.hello()")).toBe("from the server");
  });

  it("are refused where code is not allowed, as are globals and shipped functions; exposed functions are not", async () => {
    await using room = await serve([one], { allow: { code: false } });
    room.server.expose({ fine: () => "fine" });
    const seen = await one.run(async ({ client }) => {
      const tell = (error: { name: string; code: string }) => `${error.name} ${error.code}`;
      return [
        await client.eval("process.exit(1)").catch(tell),
        await client.exec("process.exit(1)").catch(tell),
        await client.call(() => 1).catch(tell),
        await client.callRemote("process.exit", [1]).catch((error) => error.code),
        await client.remote.fine(),
      ];
    });
    expect(seen.slice(0, 3)).toEqual(Array(3).fill("PermissionError CNR_ERR_NOT_ALLOWED"));
    expect(seen[3]).toMatch(/^CNR_ERR_(NOT_ALLOWED|UNKNOWN_FUNCTION)$/);
    expect(seen[4]).toBe("fine");
  });
});
