import { once } from "node:events";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import { newClient, openServer, openServerAnywhere } from "../fixtures/open-ends.ts";
import { refusalOf } from "../fixtures/secure-listener.ts";

const HANG_MS = 30_000;

/** This machine as others see it; a machine without a network has no such address. */
const outer = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

/** Whether somebody listens there. */
async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe("a server without a host", { timeout: HANG_MS }, () => {
  it("listens on every interface when it has a key, and its address is one that others can reach", async () => {
    const server = await openServerAnywhere({});
    const { host = "", port = 0 } = server.address ?? {};
    expect([host, server.url]).toEqual([outer ?? "127.0.0.1", `connector://${host}:${port}`]);
    expect(await answers("127.0.0.1", port)).toBe(true);
    expect(await answers(host, port)).toBe(true);
    for (const where of [`127.0.0.1:${port}`, server.url ?? "", server.inviteUrl()]) {
      const client = newClient();
      await client.connect(where);
      expect(await client.eval("1")).toBe(1);
    }
  });

  it("listens on loopback alone when it has none", async () => {
    const server = await openServerAnywhere({ key: false });
    const { host, port = 0 } = server.address ?? {};
    expect(host).toBe("127.0.0.1");
    if (outer) expect(await answers(outer, port)).toBe(false);
    await newClient({ key: false }).connect(server.url ?? "");
    expect([server.clients[0]?.keyName, server.inviteUrl()]).toEqual([undefined, server.url]);
  });
});

describe("without a key", { timeout: HANG_MS }, () => {
  it.each(["0.0.0.0", "::", "192.0.2.77"])(
    "a server does not listen at %s, unless insecure",
    async (host) => {
      expect((await refusalOf(openServer({ key: false, host }))).code).toBe("CNR_ERR_LOOPBACK_ONLY");
    },
  );

  it.each(["192.0.2.77", "2001:db8::1"])("a client does not connect to %s", async (host) => {
    const error = await refusalOf(newClient({ key: false }).connect(host, 1900));
    expect([error.code, error.details["host"]]).toEqual(["CNR_ERR_LOOPBACK_ONLY", host]);
  });

  it("`insecure` opens both sides to other machines, and still runs no code", async () => {
    const server = await openServerAnywhere({ key: false, insecure: true });
    const { host = "", port = 0 } = server.address ?? {};
    expect(host).toBe(outer ?? "127.0.0.1");
    server.expose({ double: (n: number) => n * 2 });
    const client = newClient({ key: false, insecure: true });
    await client.connect(host, port);
    expect(await client.callRemote("double", [2])).toBe(4);
    for (const end of [client, server.clients[0]]) {
      await expect(end?.eval("1")).rejects.toMatchObject({
        code: "CNR_ERR_NOT_ALLOWED",
        details: { grant: "code" },
      });
    }
    if (!outer) return;
    const careful = await refusalOf(newClient({ key: false }).connect(host, port));
    expect(careful.code).toBe("CNR_ERR_LOOPBACK_ONLY");
  });

  it("there are no named keys to add, and none to revoke", async () => {
    const server = await openServer({ key: false });
    for (const ask of [
      () => server.keys.add("a", { key: "x" }),
      () => server.keys.revoke("a"),
      () => server.keys.names(),
    ]) {
      expect(ask).toThrow(/key: false/);
    }
    await expect(openServer({ key: false, keys: {} })).rejects.toThrow(/key: false/);
  });
});
