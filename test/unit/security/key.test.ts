import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../../src/core/error-codes.ts";
import { AuthenticationError, ConnectorError } from "../../../src/core/errors.ts";
import { Key } from "../../../src/security/key.ts";
import { deriveKeys } from "../../../src/security/node/derived-keys.ts";

const TEXT = "cnk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

function refusal(text: string, source?: string): ConnectorError {
  try {
    Key.parse(text, source);
  } catch (error) {
    if (error instanceof ConnectorError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

/** All that an error could show to anybody, its causes included. */
function shown(error: unknown): string {
  return [
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error),
    JSON.stringify((error as ConnectorError).details),
    String((error as ConnectorError).stack),
  ].join("\n");
}

describe("a key", () => {
  it("is 32 random bytes, another one each time", () => {
    const texts = Array.from({ length: 200 }, () => Key.generate().reveal());
    expect(new Set(texts).size).toBe(200);
    for (const text of texts) expect(text).toMatch(/^cnk_[A-Za-z0-9_-]{43}$/);
  });

  it("is read back from its text, whatever white space is around it", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[ \t\r\n]{0,4}$/),
        fc.stringMatching(/^[ \t\r\n]{0,4}$/),
        (before, after) => {
          const key = Key.generate();
          const read = Key.parse(before + key.reveal() + after);
          expect(read.reveal()).toBe(key.reveal());
          expect(read.equals(key)).toBe(true);
        },
      ),
    );
  });

  it("equals itself and no other", () => {
    const key = Key.parse(TEXT);
    expect(key.equals(Key.parse(TEXT))).toBe(true);
    for (let bit = 0; bit < 256; bit++) {
      const bytes = Buffer.from(TEXT.slice(4), "base64url");
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(key.equals(Key.parse(`cnk_${bytes.toString("base64url")}`))).toBe(false);
    }
  });

  it("has one text only: of those that mean the same bytes, three are refused", () => {
    const taken = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].filter((last) => {
      try {
        return Key.parse(TEXT.slice(0, -1) + last) instanceof Key;
      } catch {
        return false;
      }
    });
    expect(taken).toHaveLength(16);
  });
});

describe("a text that is no key", () => {
  it.each([
    ["hunter2"],
    ["correct horse battery staple"],
    [""],
    ["   "],
    ["0".repeat(64)],
    [TEXT.slice(4)],
    [`CNK_${TEXT.slice(4)}`],
    [`cnk_${"A".repeat(43)}`],
    [`cnk_${"correcthorsebattery".repeat(3).slice(0, 42)}A`],
  ])("is refused as one that can be guessed: %j", (text) => {
    const error = refusal(text);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe("CNR_ERR_KEY_WEAK");
    expect(error.message).toContain("connector key new");
    expect(error.retryable).toBe(false);
  });

  it.each([
    ["cut", TEXT.slice(0, -1)],
    ["cut to nothing", "cnk_"],
    ["longer", `${TEXT}A`],
    ["broken in two", `${TEXT.slice(0, 20)}\n${TEXT.slice(20)}`],
    ["with another character", `${TEXT.slice(0, 20)}+${TEXT.slice(21)}`],
    ["with padding", `${TEXT}=`],
    ["with spare bits", `${TEXT.slice(0, -1)}9`],
  ])("is refused as a damaged one: %s", (_, text) => {
    const error = refusal(text);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe("CNR_ERR_KEY_MALFORMED");
    expect(error.message).toContain("connector key new");
  });

  it("is never repeated, and its source is named", () => {
    const secret = fc.oneof(
      fc.string({ minLength: 8, unit: fc.constantFrom(..."QZXJKVWYqzxjkvwy0123456789!$%") }),
      fc.stringMatching(/^cnk_[A-Z0-9]{20,42}$/),
    );
    fc.assert(
      fc.property(secret, (text) => {
        const error = refusal(text, "the environment variable CONNECTOR_KEY");
        expect(error.message).toContain("the environment variable CONNECTOR_KEY");
        expect(error.cause).toBeUndefined();
        expect(shown(error)).not.toContain(text);
      }),
    );
  });

  it("of another type is refused in the same way", () => {
    for (const value of [undefined, null, 12, {}, []]) {
      expect(refusal(value as unknown as string).code).toBe("CNR_ERR_KEY_WEAK");
    }
  });
});

describe("what is printed of a key", () => {
  const ways: Record<string, (key: Key) => string> = {
    String: (key) => String(key),
    template: (key) => `${key}`,
    JSON: (key) => JSON.stringify(key),
    "JSON of an object": (key) => JSON.stringify({ options: { key } }),
    inspect: (key) => inspect(key),
    "inspect with everything": (key) => inspect({ key }, { showHidden: true, depth: 20, showProxy: true }),
    keys: (key) => Object.keys(key).join() + Reflect.ownKeys(key).map(String).join(),
    entries: (key) => JSON.stringify(Object.entries(key)),
    spread: (key) => JSON.stringify({ ...key }),
    clone: (key) => inspect(structuredClone({ key })),
    "an error that has it": (key) => inspect(Object.assign(new Error(`bad ${key}`), { key })),
    "what is derived": (key) => inspect(deriveKeys(key)) + JSON.stringify(deriveKeys(key)),
  };

  it.each(Object.entries(ways))("is never the key: %s", (_, print) => {
    const key = Key.parse(TEXT);
    const secrets = (): string[] => {
      const { tlsPsk, unixAuth } = deriveKeys(key);
      const bytes = [Buffer.from(TEXT.slice(4), "base64url"), Buffer.from(tlsPsk), Buffer.from(unixAuth)];
      return bytes.flatMap((each) => [
        each.toString("base64url"),
        each.toString("base64"),
        each.toString("hex"),
        [...each.subarray(0, 6)].join(", "),
        [...each.subarray(0, 6)].join(","),
        [...each.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
      ]);
    };
    const before = print(key);
    deriveKeys(key);
    const after = print(key);
    for (const secret of secrets()) expect(before + after).not.toContain(secret);
  });

  it("is its id, once it is used", () => {
    const key = Key.parse(TEXT);
    expect(String(key)).toBe("Key(unused)");
    const { id } = deriveKeys(key);
    expect([String(key), inspect(key), JSON.parse(JSON.stringify(key))]).toEqual(Array(3).fill(`Key(${id})`));
  });
});

describe("the texts of errors about keys", () => {
  it("name no detail that could hold a key", () => {
    for (const [code, { text }] of Object.entries(ERROR_CODES)) {
      if (!code.includes("_KEY_")) continue;
      const names = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(["source", "path", "reason", "repair", "address", "found", "id"]).toEqual(
        expect.arrayContaining(names),
      );
    }
  });
});
