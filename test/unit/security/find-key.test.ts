import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuthenticationError } from "../../../src/core/errors.ts";
import { Key } from "../../../src/security/key.ts";
import { findKey, type KeySources } from "../../../src/security/node/find-key.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "connector-find-"));
  file = join(folder, "connector", "key");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const textOf = (found: Key | false): string => (found ? found.reveal() : "none");

function writeKey(text: string): void {
  mkdirSync(join(folder, "connector"), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
}

describe("looking for a key", () => {
  it("takes the option, then the URL, then the environment, then the file: whatever is there of them", () => {
    const place = (): fc.Arbitrary<string | undefined> =>
      fc
        .option(fc.constant(0), { nil: undefined })
        .map((is) => (is === 0 ? Key.generate().reveal() : undefined));
    fc.assert(
      fc.property(place(), place(), place(), place(), (key, inUrl, inEnvironment, inFile) => {
        rmSync(file, { force: true });
        if (inFile) writeKey(inFile);
        const url = `connector://127.0.0.1:1900${inUrl ? `#${inUrl}` : ""}`;
        const found = findKey({ key, url, env: { CONNECTOR_KEY: inEnvironment }, file, mayCreate: true });
        const expected = key ?? inUrl ?? inEnvironment ?? readFileSync(file, "utf8").trim();
        expect(textOf(found)).toBe(expected);
        // It is made only where there is no other.
        expect(existsSync(file)).toBe(inFile !== undefined || (key ?? inUrl ?? inEnvironment) === undefined);
      }),
    );
  });

  it("takes a key that is a Key already as it is", () => {
    const key = Key.generate();
    expect(findKey({ key, env: {}, file, mayCreate: false })).toBe(key);
  });

  it("gives none where the option is false, and looks nowhere else", () => {
    writeKey("rubbish");
    const env = { CONNECTOR_KEY: "rubbish" };
    expect(findKey({ key: false, url: "a:1#rubbish", env, file, mayCreate: true })).toBe(false);
  });

  it("does not look at later places once there is a key: what is wrong with them is no matter", () => {
    writeKey("rubbish");
    const key = Key.generate().reveal();
    const found = findKey({
      key,
      url: "a:1#rubbish",
      env: { CONNECTOR_KEY: "rubbish" },
      file,
      mayCreate: true,
    });
    expect(textOf(found)).toBe(key);
  });

  it("takes an empty variable and a URL that ends in # as none", () => {
    const found = findKey({ url: "a:1#", env: { CONNECTOR_KEY: " " }, file, mayCreate: true });
    expect(found).toBeInstanceOf(Key);
    expect(existsSync(file)).toBe(true);
  });

  it("takes white space around the key as none, as it comes from a shell", () => {
    const key = Key.generate().reveal();
    const found = findKey({ env: { CONNECTOR_KEY: `${key}\n` }, file, mayCreate: false });
    expect(textOf(found)).toBe(key);
  });

  it("looks under XDG_CONFIG_HOME of the environment that it is given", () => {
    const env = { XDG_CONFIG_HOME: folder };
    const found = findKey({ env, mayCreate: true });
    expect(readdirSync(join(folder, "connector"))).toEqual(["key"]);
    const again = findKey({ env, mayCreate: false });
    expect(found && again && found.equals(again)).toBe(true);
  });

  it("makes none for a server elsewhere, and names the ways to give one", () => {
    const look = (): unknown => findKey({ env: {}, file, mayCreate: false });
    expect(look).toThrow(AuthenticationError);
    expect(look).toThrow(expect.objectContaining({ code: "CNR_ERR_KEY_MISSING" }));
    expect(look).toThrow(/CONNECTOR_KEY/);
    expect(look).toThrow(/inviteUrl/);
    expect(look).toThrow(file);
    expect(existsSync(file)).toBe(false);
  });

  it("says where the text that is no key was, and never what it was", () => {
    const secret = "Tr0ub4dor&3-of-mine";
    const places: [string, Partial<KeySources>][] = [
      ["the option `key`", { key: secret }],
      ["the option `key`", { key: "" }],
      ["URL", { url: `connector://127.0.0.1:1900#${secret}` }],
      ["CONNECTOR_KEY", { env: { CONNECTOR_KEY: secret } }],
      [file, {}],
    ];
    writeKey(secret);
    for (const [place, sources] of places) {
      let error: unknown;
      try {
        findKey({ env: {}, file, mayCreate: true, ...sources });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: "CNR_ERR_KEY_WEAK" });
      expect(String(error)).toContain(place);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
    }
  });
});
