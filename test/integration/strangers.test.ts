import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { tlsDialer } from "../../src/transport/node/tls-psk.ts";
import { newLinkKey } from "../fixtures/link-keys.ts";
import {
  atEnd,
  clientHello,
  echo,
  type Gate,
  heardBy,
  openGate,
  refusalOf,
  stranger,
} from "../fixtures/secure-listener.ts";

const key = newLinkKey();
const open = (sockets: readonly Socket[]): number => sockets.filter((socket) => !socket.closed).length;

/** Somebody with the key comes, talks and goes. */
async function isServed(gate: Gate): Promise<void> {
  const link = await tlsDialer(key).dial("127.0.0.1", gate.port);
  expect(await echo(link)).toBe("hello");
  link.abort();
}

async function crowd(gate: Gate, count: number, say?: Uint8Array): Promise<Socket[]> {
  const sockets = await Promise.all(Array.from({ length: count }, () => stranger(gate.port, say)));
  // Whoever is never read from does not see that it was cut off.
  for (const socket of sockets) socket.resume();
  return sockets;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("strangers who", () => {
  it("say nothing, hundreds of them, cost so many places and so much time; others are served", async () => {
    const gate = await openGate({ main: key }, { limits: { maxHandshakeMs: 500 } });
    const sockets = await crowd(gate, 400);
    await until(() => open(sockets) <= 256);
    // A tenth of the time later they give way to those who come.
    await new Promise((resolve) => setTimeout(resolve, 60));
    await Promise.all(Array.from({ length: 20 }, () => isServed(gate)));
    await until(() => open(sockets) === 0);
    await isServed(gate);
  });

  it("begin a handshake and stop in the middle are no better off", async () => {
    const gate = await openGate({ main: key }, { limits: { maxHandshakeMs: 500 } });
    const half = (await clientHello(key)).subarray(0, 200);
    const sockets = await crowd(gate, 300, half);
    await until(() => open(sockets) <= 256);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await isServed(gate);
    await until(() => open(sockets) === 0);
    await isServed(gate);
  });

  it("dribble, byte by byte, do not stay longer than the others", async () => {
    const gate = await openGate({ main: key }, { limits: { maxHandshakeMs: 200 } });
    const bytes = await clientHello(key);
    const socket = await stranger(gate.port);
    let at = 0;
    const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 5);
    atEnd(() => clearInterval(timer));
    await heardBy(socket);
    expect((await gate.refusal()).code).toMatch(/^CNR_ERR_(TIMEOUT|LINK_LOST)$/);
    expect(at).toBeLessThan(bytes.length);
    await isServed(gate);
  });

  it("say more than a handshake takes are cut off before it is read", async () => {
    const gate = await openGate({ main: key });
    const lie = Buffer.from([0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc]);
    const long = Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]), randomBytes(60_000)]);
    for (const [n, bytes] of [lie, long].entries()) {
      await heardBy(await stranger(gate.port, bytes));
      expect((await gate.refusal(n + 1)).code).toBe("CNR_ERR_NOT_CONNECTOR");
    }
    await isServed(gate);
  });

  it("say a hello in a thousand records are cut off by the bytes it took", async () => {
    const gate = await openGate({ main: key }, { limits: { maxHandshakeMs: 1000 } });
    const socket = await stranger(gate.port, Buffer.from([0x16, 3, 1, 0, 4, 1, 0, 15, 0xa0]));
    const record = Buffer.from([0x16, 3, 1, 0, 1, 0]);
    const heard = heardBy(socket);
    for (let n = 0; n < 1000; n++) socket.write(record);
    await heard;
    expect((await gate.refusal()).code).toBe("CNR_ERR_NOT_CONNECTOR");
  });

  it("talk rubbish of every kind end nothing but themselves", async () => {
    const gate = await openGate({ main: key });
    const opening = await clientHello(key);
    const sockets: Promise<unknown>[] = [];
    for (let n = 0; n < 200; n++) {
      const bytes = Buffer.concat([opening]);
      for (const at of randomBytes(1 + (n % 8))) bytes[at % bytes.length] = at ^ n;
      const socket = await stranger(gate.port, n % 2 ? bytes : randomBytes(1 + n));
      if (n % 3) socket.end();
      else socket.resetAndDestroy();
      sockets.push(heardBy(socket));
    }
    await Promise.all(sockets);
    expect(gate.links).toEqual([]);
    await isServed(gate);
  });

  it("come again and again with a wrong key do not lock out the machine's other programs", async () => {
    const gate = await openGate({ main: key });
    const hammer = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) {
        const error = await refusalOf(tlsDialer(newLinkKey()).dial("127.0.0.1", gate.port));
        expect(error.code).toBe("CNR_ERR_UNKNOWN_KEY");
      }
    };
    await Promise.all([hammer(), hammer(), hammer(), hammer()]);
    expect(gate.refused).toHaveLength(20);
    await Promise.all([isServed(gate), hammer(), isServed(gate)]);
  });

  it("are still waiting when the listener closes are gone with it", async () => {
    const gate = await openGate({ main: key });
    const sockets = await crowd(gate, 20, (await clientHello(key)).subarray(0, 100));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await gate.close();
    await until(() => open(sockets) === 0);
    expect(gate.refused).toEqual([]);
  });
});
