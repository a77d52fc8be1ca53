import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import { tlsDialer } from "../../src/transport/node/tls-psk.ts";
import { newLinkKey } from "../fixtures/link-keys.ts";
import { atEnd, echo, openGate } from "../fixtures/secure-listener.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === "::1"),
);
const hosts = hasIpv6 ? ["127.0.0.1", "::1", "localhost"] : ["127.0.0.1", "localhost"];
const key = newLinkKey();

describe(`on a machine ${hasIpv6 ? "with" : "without"} IPv6`, () => {
  it.each(hosts)("a listener at %s is found there", async (host) => {
    const gate = await openGate({ main: key }, { host });
    const link = await tlsDialer(key).dial(host, gate.port);
    atEnd(() => link.abort());
    expect(await echo(link)).toBe("hello");
    const other = await gate.link();
    expect([`${other.remoteAddress}`, `${other.localAddress}`]).toEqual([
      `${link.localAddress}`,
      `${link.remoteAddress}`,
    ]);
  });

  it("a listener on every interface is found at each, and calls each caller by the name it has itself", async () => {
    const gate = await openGate({ main: key }, { host: undefined });
    for (const [n, host] of hosts.entries()) {
      const link = await tlsDialer(key).dial(host, gate.port);
      atEnd(() => link.abort());
      const other = await gate.link(n + 1);
      expect(`${other.remoteAddress}`).toBe(`${link.localAddress}`);
      expect(other.remoteAddress.family).toBe(link.localAddress.family);
    }
  });
});
