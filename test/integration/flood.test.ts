import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { tlsDialer } from "../../src/transport/node/tls-psk.ts";
import { newLinkKey } from "../fixtures/link-keys.ts";
import { leaveOnly } from "../fixtures/local-ways.ts";
import { newClient } from "../fixtures/open-ends.ts";
import { type Loose, Program } from "../fixtures/programs.ts";
import { atEnd, clientHello } from "../fixtures/secure-listener.ts";
import { seededBytes } from "../fixtures/seeded.ts";

const HANG_MS = 60_000;
const MIB = 1024 * 1024;
const ATTEMPTS = 400;
/** A server that keeps anything of those who come and go runs out of this. */
const SMALL_HEAP = { NODE_OPTIONS: "--max-old-space-size=48" };

/** A stranger who says this, and stays for as long as the server lets him. */
function intrude(port: number, words: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1");
    atEnd(() => socket.destroy());
    socket.on("error", () => {}).once("close", () => resolve());
    socket.resume().write(words);
    setTimeout(() => socket.destroy(), 300);
  });
}

describe("a flood of those who have no key", { timeout: HANG_MS }, () => {
  it("keeps no client waiting for ever, and takes no memory that it does not give back", async () => {
    leaveOnly("TLS");
    const host = new Program(SMALL_HEAP);
    atEnd(() => host.kill());
    const invitation = await host.run(async (world) => {
      world.kept.errors = 0;
      world.server = new world.connector.Server({ host: "127.0.0.1", limits: { maxHandshakeMs: 500 } });
      world.server.expose({ double: (n: number) => n * 2 });
      world.server.on("error", () => void world.kept.errors++);
      await world.server.listen();
      return world.server.inviteUrl();
    });
    const port = Number(/:(\d+)#/.exec(invitation)?.[1]);
    const memory = (): Promise<number> => host.run(() => process.memoryUsage().rss);
    const client = newClient();
    await client.connect(invitation);
    const hello = await clientHello(newLinkKey());
    const kinds: readonly (() => Promise<unknown>)[] = [
      () => tlsDialer(newLinkKey()).dial("127.0.0.1", port, { timeoutMs: 5000 }),
      () => intrude(port, hello),
      () => intrude(port, hello.subarray(0, 200)),
      () => intrude(port, new Uint8Array(0)),
      () => intrude(port, seededBytes(port, 3000)),
      () => intrude(port, Buffer.concat([hello, new Uint8Array(60_000)])),
      () => intrude(port, Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
    ];
    const before = await memory();
    let left = ATTEMPTS;
    const attack = async (): Promise<void> => {
      while (left-- > 0) await kinds[left % kinds.length]?.().catch(() => {});
    };
    const attacks = Promise.all(Array.from({ length: 40 }, attack));
    let isOver = false;
    void attacks.then(() => {
      isOver = true;
    });
    let calls = 0;
    for (; !isOver; calls++) {
      expect(await client.callRemote("double", [calls])).toBe(calls * 2);
      // Who has a key comes in.
      if (calls === 20) await newClient().connect(invitation);
    }
    expect(calls).toBeGreaterThan(50);
    expect(await host.run(({ kept }: Loose) => kept.errors)).toBeGreaterThan(ATTEMPTS / 4);
    expect((await memory()) - before).toBeLessThan(100 * MIB);
    expect(await host.run(({ server }) => server.clients.length)).toBe(2);
  });
});
