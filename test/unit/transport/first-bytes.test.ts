import { describe, expect, it } from "vitest";
import { FrameKind, frameOf } from "../../../src/protocol/frame.ts";
import { type Speech, speechOf } from "../../../src/transport/node/first-bytes.ts";
import { newLinkKey } from "../../fixtures/link-keys.ts";
import { clientHello } from "../../fixtures/secure-listener.ts";

const MAX = 4096;

/** What is said of each beginning of these bytes, without repetitions. */
function verdicts(bytes: Uint8Array): (Speech | undefined)[] {
  const all = Array.from({ length: bytes.length + 1 }, (_, n) => speechOf(bytes.subarray(0, n), MAX));
  return all.filter((verdict, n) => n === 0 || verdict !== all[n - 1]);
}

const tls = (recordBytes: number, helloBytes: number, type = 1): Uint8Array =>
  Uint8Array.of(
    0x16,
    3,
    1,
    recordBytes >> 8,
    recordBytes,
    type,
    helloBytes >> 16,
    helloBytes >> 8,
    helloBytes,
  );

describe("the first bytes of a socket", () => {
  it("tell TLS as our clients speak it, however few come at once", async () => {
    const hello = await clientHello(newLinkKey());
    expect(verdicts(hello)).toEqual([undefined, "tls"]);
    expect(hello.length).toBeLessThan(MAX / 2);
  });

  it("tell HTTP by its methods", () => {
    for (const method of ["GET", "PUT", "POST", "HEAD", "OPTIONS", "CONNECT", "PATCH", "PRI"])
      expect(verdicts(Buffer.from(`${method} / HTTP/1.1\r\n`))).toEqual([undefined, "http"]);
  });

  it("tell a plain HELLO of any length it may have", () => {
    for (let length = 0; length <= MAX; length++) {
      const frame = frameOf(FrameKind.hello, new Uint8Array(length));
      expect(verdicts(frame.subarray(0, 12)), `${length}`).toEqual([undefined, "plain"]);
    }
  });

  it("tell rubbish", () => {
    const rubbish = [
      Buffer.from("SSH-2.0-OpenSSH_9.9\r\n"),
      Buffer.from("get / http/1.1\r\n"),
      Buffer.alloc(16),
      Buffer.alloc(16, 0xff),
      Buffer.from([0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0]), // the hello of SSL 2
      frameOf(FrameKind.welcome, new Uint8Array(20)),
      Buffer.from([20, 0, 0, FrameKind.hello, 1, 0, 0, 0]), // a HELLO on a channel
      Buffer.from([0x16, 4, 1, 0, 200, 1, 0, 0, 196]),
    ];
    for (const bytes of rubbish) expect(verdicts(bytes).at(-1), bytes.toString("hex")).toBe("rubbish");
  });

  it("tell a ClientHello that is longer than is taken, by what it says of itself", () => {
    expect(speechOf(tls(MAX, MAX), MAX)).toBe("tls");
    expect(speechOf(tls(512, MAX), MAX)).toBe("tls");
    expect(speechOf(tls(MAX + 1, 500), MAX)).toBe("rubbish");
    expect(speechOf(tls(512, MAX + 1), MAX)).toBe("rubbish");
    expect(speechOf(tls(512, 0xffffff), MAX)).toBe("rubbish");
    expect(speechOf(tls(3, 500), MAX)).toBe("rubbish");
    expect(speechOf(tls(512, 500, 2), MAX)).toBe("rubbish");
  });
});
