import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { listenAtPath } from "../../../src/transport/node/unix-path.ts";
import { fixture, Script } from "../../fixtures/programs.ts";
import { atEnd } from "../../fixtures/secure-listener.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";

function server(name: string): Server {
  const made = createServer((socket) => void socket.on("error", () => {}).end(name));
  atEnd(() => made.close());
  return made;
}

const path = (): string => join(temporaryFolder(), "1900.sock");

async function answerAt(path: string): Promise<string> {
  const [answer] = await once(connect(path), "data");
  return String(answer);
}

/** A socket whose program was killed. */
async function leftBehind(path: string): Promise<void> {
  const script = new Script(fixture("socket-program.mjs"), [path]);
  await script.line(/^listening$/);
  await script.kill();
}

describe("listening at a path", () => {
  it("takes it, for this user alone, and gives it back", async () => {
    const at = path();
    const remove = await listenAtPath(server("a"), at);
    expect([await answerAt(at), lstatSync(at).mode & 0o777]).toEqual(["a", 0o600]);
    remove?.();
    remove?.();
    expect(readdirSync(dirname(at))).toEqual([]);
  });

  it("leaves it to a living server", async () => {
    const at = path();
    await listenAtPath(server("first"), at);
    const second = server("second");
    expect(await listenAtPath(second, at)).toBeUndefined();
    expect([await answerAt(at), second.listening]).toEqual(["first", false]);
    expect(readdirSync(dirname(at))).toEqual(["1900.sock"]);
  });

  it("leaves it to what is no socket", async () => {
    const at = path();
    writeFileSync(at, "important");
    expect(await listenAtPath(server("a"), at)).toBeUndefined();
    expect([lstatSync(at).isFile(), readdirSync(dirname(at))]).toEqual([true, ["1900.sock"]]);
  });

  it("takes it from a program that was killed", async () => {
    const at = path();
    await leftBehind(at);
    expect(existsSync(at)).toBe(true);
    expect(await listenAtPath(server("heir"), at)).toBeDefined();
    expect(await answerAt(at)).toBe("heir");
  });

  it("goes to one of many who find a dead socket at once, and the others see that", async () => {
    for (let round = 0; round < 10; round++) {
      const at = path();
      await leftBehind(at);
      const placed = await Promise.all(
        Array.from({ length: 8 }, async (_, n) => ((await listenAtPath(server(`${n}`), at)) ? `${n}` : "")),
      );
      expect(placed.filter(Boolean), `round ${round}`).toEqual([await answerAt(at)]);
      expect(readdirSync(dirname(at))).toEqual(["1900.sock"]);
    }
  });

  it("gives back what is its own, and not what another has put there since", async () => {
    const at = path();
    const remove = await listenAtPath(server("first"), at);
    remove?.();
    await listenAtPath(server("second"), at);
    remove?.();
    expect([await answerAt(at), readdirSync(dirname(at))]).toEqual(["second", ["1900.sock"]]);
  });
});
