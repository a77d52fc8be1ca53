import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { equalBytes } from "../../../src/security/constant-time.ts";
import { Key } from "../../../src/security/key.ts";
import { deriveKeys } from "../../../src/security/node/derived-keys.ts";

const TEXT = "cnk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

const GOLDEN = [
  "9wrLw4E0guKE",
  "4a5227bb5cae82b84e46364b27f0390e5e03a6870fceae4e4f9d4ae3988efb0e",
  "a511d9acc74dd706b18b6ba43ad394c71d187d09cfdb44de2fefec8a688f54bc",
];

/** RFC 5869, written out: extract with 32 zero bytes as salt, then expand one block. */
function hkdf(secret: Uint8Array, info: string, bytes: number): string {
  const pseudorandom = createHmac("sha256", Buffer.alloc(32)).update(secret).digest();
  const block = createHmac("sha256", pseudorandom).update(`${info}\x01`, "latin1").digest();
  return block.subarray(0, bytes).toString("base64url");
}

describe("what is derived from a key", () => {
  it("is HKDF-SHA256 with a purpose of its own for each", () => {
    const secret = Buffer.from(TEXT.slice(4), "base64url");
    const { id, tlsPsk, unixAuth } = deriveKeys(Key.parse(TEXT));
    expect(id).toBe(hkdf(secret, "connector/1 id", 9));
    expect(Buffer.from(tlsPsk).toString("base64url")).toBe(hkdf(secret, "connector/1 tls psk", 32));
    expect(Buffer.from(unixAuth).toString("base64url")).toBe(hkdf(secret, "connector/1 unix auth", 32));
  });

  it("has not changed: both sides of a link may be of different releases", () => {
    const { id, tlsPsk, unixAuth } = deriveKeys(Key.parse(TEXT));
    expect([id, Buffer.from(tlsPsk).toString("hex"), Buffer.from(unixAuth).toString("hex")]).toEqual(GOLDEN);
  });

  it("is computed once for each key, and is the same for equal ones", () => {
    const key = Key.generate();
    expect(deriveKeys(key)).toBe(deriveKeys(key));
    expect(deriveKeys(Key.parse(key.reveal()))).not.toBe(deriveKeys(key));
    expect(deriveKeys(Key.parse(key.reveal())).tlsPsk).toEqual(deriveKeys(key).tlsPsk);
    expect(deriveKeys(Key.generate()).id).not.toBe(deriveKeys(key).id);
  });
});

describe("comparing secrets", () => {
  it("tells the same bytes from others, wherever they differ", () => {
    const bytes = Uint8Array.from({ length: 40 }, (_, n) => n * 7);
    expect(equalBytes(bytes, bytes.slice())).toBe(true);
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const other = bytes.slice();
        other[at] = (other[at] as number) ^ (1 << bit);
        expect(equalBytes(bytes, other)).toBe(false);
      }
    }
  });

  it("says no to another length, without an error", () => {
    expect(equalBytes(new Uint8Array(4), new Uint8Array(5))).toBe(false);
    expect(equalBytes(new Uint8Array(4), new Uint8Array(0))).toBe(false);
  });
});
