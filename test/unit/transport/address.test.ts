import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ConnectionError } from "../../../src/core/errors.ts";
import {
  addressOf,
  hostAndPort,
  isLoopback,
  targetOf,
  unmappedHost,
  urlOf,
} from "../../../src/transport/address.ts";

describe("where to connect", () => {
  it.each([
    ["connector://127.0.0.1:1900", "127.0.0.1", 1900],
    ["connector://example.org:1/", "example.org", 1],
    ["connector://host:1900#key", "host", 1900],
    ["localhost:65535", "localhost", 65_535],
    ["[::1]:1900", "::1", 1900],
    ["connector://[fe80::1]:1900/", "fe80::1", 1900],
  ])("%s", (text, host, port) => {
    expect(targetOf(text)).toEqual({ host, port });
  });

  it("takes host and port, an address, and the URL of an address", () => {
    expect(targetOf("127.0.0.1", 7)).toEqual({ host: "127.0.0.1", port: 7 });
    expect(targetOf("::1", 7)).toEqual({ host: "::1", port: 7 });
    for (const address of [addressOf("127.0.0.1", 1900), addressOf("::1", 1900)]) {
      const target = { host: address.host, port: 1900 };
      expect([targetOf(address), targetOf(urlOf(address)), targetOf(String(address))]).toEqual([
        target,
        target,
        target,
      ]);
    }
  });

  it.each([
    ["nonsense"],
    [""],
    ["host"],
    ["host:"],
    [":80"],
    ["host:0"],
    ["host:65536"],
    ["http://host:80"],
    ["host:80/path"],
    ["host:1e3"],
  ])("refuses %j, and says what to give", (text) => {
    expect(() => targetOf(text)).toThrow(ConnectionError);
    expect(() => targetOf(text)).toThrow(/is not an address/);
  });

  it("refuses ports that are none, and objects that are no addresses", () => {
    for (const port of [0, -1, 1.5, 65_536, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => targetOf("host", port)).toThrow(ConnectionError);
    }
    for (const given of [{}, { host: "h" }, { host: "", port: 1 }, { host: 5, port: 1 }, { port: 1 }]) {
      expect(() => targetOf(given as never)).toThrow(ConnectionError);
    }
    for (const given of [null, undefined, 5])
      expect(() => targetOf(given as never)).toThrow(/is not an address/);
  });

  it("never repeats a key, wherever it was given", () => {
    const key = `cnk_${"k".repeat(20)}-${"_".repeat(22)}`;
    const given: [unknown, number?][] = [
      [`connector://host:99999#${key}`],
      [`connector://host#${key}`],
      [`host:80/path#a "passphrase" ${key}`],
      [key],
      [`connector://${key}@host:1900`],
      [`connector://host:1900#${key}`, 1900],
      [`host#${key}`, 1900],
      [{ host: `host#${key}`, port: 1900 }],
      [{ host: "host", port: key }],
      [{ key }],
    ];
    for (const [where, port] of given) {
      let error: unknown;
      try {
        targetOf(where as string, port);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: "CNR_ERR_BAD_ADDRESS" });
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/kkkk|passphrase/);
    }
  });

  it("writes addresses of both families so that they can be read again", () => {
    expect(hostAndPort("::1", 5)).toBe("[::1]:5");
    expect(`${addressOf("10.0.0.1", 5)}`).toBe("10.0.0.1:5");
    expect([
      addressOf("::1", 1).family,
      addressOf("1.2.3.4", 1).family,
      addressOf("1.2.3.4", 1, "IPv6").family,
    ]).toEqual(["IPv6", "IPv4", "IPv6"]);
  });

  it("calls an IPv4 address by its own name, however the socket does", () => {
    const hosts = ["::ffff:192.0.2.7", "::FFFF:127.0.0.1", "192.0.2.7", "::1", "::ffff:0:1", "localhost"];
    expect(hosts.map(unmappedHost)).toEqual(["192.0.2.7", "127.0.0.1", ...hosts.slice(2)]);
  });

  it("knows what is this machine alone", () => {
    for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
      expect(isLoopback(host)).toBe(true);
    for (const host of ["0.0.0.0", "10.0.0.1", "127.0.0.1.example.org", "", "::"])
      expect(isLoopback(host)).toBe(false);
  });
});
