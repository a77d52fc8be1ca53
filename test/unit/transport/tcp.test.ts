import { once } from "node:events";
import { createServer, type Server, Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ConnectionError, type ConnectorError, TimeoutError } from "../../../src/core/errors.ts";
import { listenTcp, tcpDialer } from "../../../src/transport/node/tcp.ts";
import type { Link, Listener } from "../../../src/transport/transport.ts";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const each of opened.splice(0)) await each.close();
});

async function listening(onLink: (link: Link) => void = (link) => void opened.push(link)): Promise<Listener> {
  const listener = await listenTcp("127.0.0.1", 0, onLink);
  opened.push(listener);
  return listener;
}

async function refusal(promise: Promise<unknown>): Promise<ConnectorError> {
  return promise.then(
    () => {
      throw new Error("it was not refused");
    },
    (error: unknown) => error as ConnectorError,
  );
}

describe("dialling", () => {
  it("says that nobody listens, and where", async () => {
    const listener = await listenTcp("127.0.0.1", 0, () => {});
    const { port } = listener.address;
    await listener.close();
    const error = await refusal(tcpDialer.dial("127.0.0.1", port));
    expect(error).toBeInstanceOf(ConnectionError);
    expect([error.code, error.details["address"]]).toEqual(["CNR_ERR_REFUSED", `127.0.0.1:${port}`]);
    expect((error.cause as NodeJS.ErrnoException).code).toBe("ECONNREFUSED");
  });

  it("says that a host is unknown", async () => {
    const error = await refusal(tcpDialer.dial("no-such-host.invalid", 1));
    expect([error.code, error.details["host"]]).toEqual(["CNR_ERR_HOST_UNKNOWN", "no-such-host.invalid"]);
  });

  it("ends with the signal's reason, before and while it waits", async () => {
    const listener = await listening();
    const reason = new Error("changed my mind");
    const dead = AbortSignal.abort(reason);
    expect(await refusal(tcpDialer.dial("127.0.0.1", listener.address.port, { signal: dead }))).toBe(reason);
    const controller = new AbortController();
    const dialled = refusal(
      tcpDialer.dial("127.0.0.1", listener.address.port, { signal: controller.signal }),
    );
    controller.abort(reason);
    expect(await dialled).toBe(reason);
  });

  it("ends after its time", async () => {
    const listener = await listening();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const dialled = refusal(tcpDialer.dial("127.0.0.1", listener.address.port, { timeoutMs: 5000 }));
    vi.advanceTimersByTime(5000);
    const error = await dialled;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.code).toBe("CNR_ERR_TIMEOUT");
  });
});

describe("listening", () => {
  it("says that a port is taken, with host and port", async () => {
    const { address } = await listening();
    const error = await refusal(listenTcp("127.0.0.1", address.port, () => {}));
    expect([error.code, error.details]).toEqual([
      "CNR_ERR_ADDRESS_IN_USE",
      { host: "127.0.0.1", port: address.port },
    ]);
    expect(error.message).toContain(`127.0.0.1:${address.port}`);
  });

  it("says that an address is none of this machine's", async () => {
    const error = await refusal(listenTcp("192.0.2.1", 0, () => {}));
    expect(error.code).toBe("CNR_ERR_ADDRESS_UNAVAILABLE");
  });

  it("gives the address it listens at, and its port free after close, while links live on", async () => {
    const links: Link[] = [];
    const listener = await listening((link) => void links.push(link));
    const { host, port } = listener.address;
    expect([host, String(listener.address)]).toEqual(["127.0.0.1", `127.0.0.1:${port}`]);
    const link = await tcpDialer.dial(host, port);
    opened.push(link);
    while (links.length === 0) await new Promise((resolve) => setImmediate(resolve));
    opened.push(...links);
    await listener.close();
    expect((await refusal(tcpDialer.dial(host, port))).code).toBe("CNR_ERR_REFUSED");
    const again: Server = createServer().listen(port, "127.0.0.1");
    opened.push(again);
    await once(again, "listening");
    const got = new Promise<string>((resolve) =>
      links[0]?.start({ data: (bytes) => resolve(Buffer.from(bytes).toString()), drained() {}, closed() {} }),
    );
    link.write([Buffer.from("still here")]);
    expect(await got).toBe("still here");
  });

  it("on every interface gives an address that others can reach", async () => {
    const listener = await listenTcp(undefined, 0, (link) => void opened.push(link));
    opened.push(listener);
    expect(listener.address.family).toBe("IPv4");
    expect(listener.address.host).not.toMatch(/^0\.|::/);
  });

  it("survives callers that are gone before they are accepted", async () => {
    const listener = await listening();
    for (let n = 0; n < 20; n++) {
      const socket = new Socket();
      socket.connect(listener.address.port, "127.0.0.1", () => socket.resetAndDestroy());
      await once(socket, "close");
    }
    const link = await tcpDialer.dial("127.0.0.1", listener.address.port);
    await link.close();
  });
});
