import { describe, expect, it } from "vitest";
import { Client, ConnectorError, Key } from "../../src/index.ts";
import { FrameKind, frameOf } from "../../src/protocol/frame.ts";
import { encodeWelcome } from "../../src/protocol/handshake-messages.ts";
import { deriveKeys } from "../../src/security/node/derived-keys.ts";
import type { Link } from "../../src/transport/transport.ts";
import { heldBytes } from "../fixtures/heap.ts";
import { leaveOnly } from "../fixtures/local-ways.ts";
import { openServer } from "../fixtures/open-ends.ts";
import { recordedFrames } from "../fixtures/recorded-messages.ts";
import { openGate } from "../fixtures/secure-listener.ts";
import { babble } from "./babble.ts";
import { fuzz, Random } from "./random.ts";

const HANG_MS = 60_000;
const MIB = 1024 * 1024;
const key = Key.generate();
const frames = recordedFrames();
/** The variables of all, of which there are none: with them a client is connected. */
const SNAPSHOT = frameOf(FrameKind.message, Uint8Array.of(0x24, 1, 0, 0xc3, 0));

function welcome(random: Random): Uint8Array {
  const receivedFrames = random.pick([0, 0, 0, 1, 5, 2 ** 40]);
  const lost = random.pick(["", "", "", "unknown session", "gap", "other key", "nonsense"]);
  const epoch = random.bytes(random.pick([16, 16, 16, 0, 3]));
  const limits = random.pick([
    { maxValueBytes: 2 ** 26, maxDepth: 200, channelWindowBytes: 2 ** 20 },
    { maxValueBytes: 0, maxDepth: 0, channelWindowBytes: 0 },
    { maxValueBytes: 2 ** 52, maxDepth: 2 ** 52, channelWindowBytes: 2 ** 52 },
  ]);
  return frameOf(
    FrameKind.welcome,
    encodeWelcome({ version: 1, epoch, peerId: "p", lost, receivedFrames, ...limits }),
  );
}

/** Says WELCOME, or nearly so, to every HELLO, and then whatever comes to its mind. */
async function serveBadly(link: Link, random: Random): Promise<void> {
  let isClosed = false;
  const said = new Promise<void>((resolve) => {
    link.start({
      data: () => resolve(),
      drained() {},
      closed: () => {
        isClosed = true;
        resolve();
      },
    });
  });
  await said;
  const first = welcome(random);
  link.write([random.below(6) === 0 ? random.mutate(first) : first]);
  if (random.below(3) > 0) link.write([SNAPSHOT]);
  await babble(random, frames, {
    write: (bytes) => link.write([bytes]),
    get isClosed() {
      return isClosed;
    },
  });
  if (random.below(2) === 0) link.abort();
}

describe("a server with the key that says anything at all", { timeout: HANG_MS }, () => {
  it("ends nothing but its sessions: each wait of a client ends by a named error, and nothing stays", async () => {
    leaveOnly("TLS");
    const seeds = new Random();
    const gate = await openGate(
      { main: deriveKeys(key) },
      { onLink: (link) => void serveBadly(link, new Random(1 + seeds.below(2 ** 30))) },
    );
    const good = await openServer({ key });
    const failures = new Map<string, number>();
    const noted = (wait: Promise<unknown>): Promise<unknown> =>
      wait.catch((error: unknown) => {
        if (!ConnectorError.is(error)) throw error;
        failures.set(error.code, (failures.get(error.code) ?? 0) + 1);
      });
    const before = heldBytes();
    await fuzz(200, async (random) => {
      const client = new Client({ key, allow: { code: false }, limits: { resumeWindowMs: 60 } });
      client.expose({ add: (a: unknown) => a, watch: () => new Promise(() => {}) });
      await noted(client.connect("127.0.0.1", gate.port, { timeoutMs: 60 }));
      const waits = [
        client.recv(),
        client.globals.get(),
        client.callRemote("x", [1]),
        client.globals.queues.q.put(1),
        client.globals.dict.waitFor("y"),
      ].map(noted);
      await new Promise((resolve) => setTimeout(resolve, random.below(10)));
      // Ever so many of them: the client is not to hang on to any.
      await client.close();
      await Promise.all(waits);
      expect(client.state).toBe("closed");
      if (random.below(10) > 0) return;
      await client.connect(good.url ?? "");
      expect(await client.eval("'well'")).toBe("well");
      await client.close();
    });
    expect([...failures.keys()]).toEqual(expect.arrayContaining(["CNR_ERR_PROTOCOL", "CNR_ERR_CLOSED"]));
    await expect.poll(() => heldBytes() - before).toBeLessThan(24 * MIB);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});
