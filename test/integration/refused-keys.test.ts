import { describe, expect, it } from "vitest";
import { Key } from "../../src/index.ts";
import { deriveKeys } from "../../src/security/node/derived-keys.ts";
import type { LinkKey } from "../../src/transport/link-key.ts";
import { secureDialer } from "../../src/transport/node/secure.ts";
import { newLinkKey } from "../fixtures/link-keys.ts";
import { leaveOnly, WAYS } from "../fixtures/local-ways.ts";
import { errorsOf, newClient, openServer } from "../fixtures/open-ends.ts";
import { openGate, refusalOf } from "../fixtures/secure-listener.ts";

const HANG_MS = 30_000;

/** What has the id of one key and the secrets of another: only a forger has such. */
function forged(key: Key): LinkKey {
  return newLinkKey(deriveKeys(key).id);
}

describe.each(WAYS)("over %s", { timeout: HANG_MS }, (way) => {
  const isTls = way === "TLS";

  it("a key that the server does not know is refused: both sides say so", async () => {
    leaveOnly(way);
    const server = await openServer();
    const errors = errorsOf(server);
    const key = Key.generate();
    const client = newClient({ key });
    const error = await refusalOf(client.connect(server.url ?? ""));
    // A Unix socket does not tell strangers which keys there are; the error is as clear.
    expect([error.name, error.code]).toEqual([
      "AuthenticationError",
      isTls ? "CNR_ERR_UNKNOWN_KEY" : "CNR_ERR_WRONG_KEY",
    ]);
    expect(error.message).toContain(`${server.address}`);
    expect(error.message).toContain("copy the server's key to the client");
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: "CNR_ERR_UNKNOWN_KEY", details: { id: deriveKeys(key).id } });
    expect([client.state, server.clients.length]).toEqual(["closed", 0]);
  });

  it("a key under a known name with another secret is refused: both sides say so", async () => {
    leaveOnly(way);
    const key = Key.generate();
    const server = await openServer({ key });
    const errors = errorsOf(server);
    const dialled = secureDialer(forged(key)).dial("127.0.0.1", server.address?.port ?? 0);
    const error = await refusalOf(dialled);
    expect([error.name, error.code]).toEqual(["AuthenticationError", "CNR_ERR_WRONG_KEY"]);
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ name: "AuthenticationError", code: "CNR_ERR_WRONG_KEY" });
    expect(server.clients.length).toBe(0);
  });

  it("a client without a key is refused by a server with one: both sides say so", async () => {
    leaveOnly(way);
    const server = await openServer();
    const errors = errorsOf(server);
    const error = await refusalOf(newClient({ key: false }).connect(server.url ?? ""));
    expect([error.name, error.code]).toEqual(["AuthenticationError", "CNR_ERR_KEYLESS"]);
    expect(error.message).toContain(`${server.address}`);
    await expect.poll(() => errors).toMatchObject([{ code: "CNR_ERR_KEYLESS" }]);
  });

  it("a client with a key refuses a server without one: both sides say so", async () => {
    leaveOnly(way);
    const server = await openServer({ key: false });
    const errors = errorsOf(server);
    const error = await refusalOf(newClient().connect(server.url ?? ""));
    expect([error.name, error.code]).toEqual(["AuthenticationError", "CNR_ERR_KEYLESS"]);
    await expect.poll(() => errors).toMatchObject([{ code: "CNR_ERR_KEYLESS" }]);
    expect(server.clients.length).toBe(0);
  });

  it("those who were refused keep nobody out, and may come with the right key", async () => {
    leaveOnly(way);
    const server = await openServer();
    const errors = errorsOf(server);
    await Promise.all(
      Array.from({ length: 12 }, () =>
        refusalOf(newClient({ key: Key.generate() }).connect(server.url ?? "")),
      ),
    );
    const client = newClient();
    await client.connect(server.url ?? "");
    expect(await client.eval("1")).toBe(1);
    await expect.poll(() => errors).toHaveLength(12);
  });
});

describe("a server that is not what it says", { timeout: HANG_MS }, () => {
  it("and has another key under the client's name is refused by the client", async () => {
    const key = Key.generate();
    const gate = await openGate({ main: forged(key) });
    const error = await refusalOf(newClient({ key }).connect("127.0.0.1", gate.port));
    expect(error.code).toBe("CNR_ERR_WRONG_KEY");
    expect(gate.links).toEqual([]);
  });
});
