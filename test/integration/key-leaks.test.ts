import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { Client, Key, Server, type ServerOptions } from "../../src/index.ts";
import { KeyRing } from "../../src/security/key-ring.ts";
import { deriveKeys } from "../../src/security/node/derived-keys.ts";
import { findKey } from "../../src/security/node/find-key.ts";

const key = Key.generate();
const text = key.reveal();
const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

/** Every way in which something is shown to people or machines, its causes and hidden fields included. */
function shown(value: unknown): string {
  const parts = [
    inspect(value, {
      depth: 20,
      showHidden: true,
      getters: true,
      maxStringLength: null,
      maxArrayLength: null,
    }),
    String(value),
  ];
  for (let error = value; error instanceof Error; error = error.cause) {
    parts.push(error.message, String(error.stack), JSON.stringify({ ...error }), JSON.stringify(error));
  }
  return parts.join("\n");
}

function expectNoKeyIn(value: unknown): void {
  const said = shown(value);
  const secret = text.slice("cnk_".length);
  // Also no part of it that would shorten a search.
  for (let at = 0; at + 8 <= secret.length; at++) expect(said).not.toContain(secret.slice(at, at + 8));
  const bytes = Buffer.from(secret, "base64url");
  expect(said).not.toContain(bytes.toString("hex").slice(0, 16));
  expect(said.replace(/\s/g, "")).not.toContain([...bytes.subarray(0, 6)].join());
}

async function failureOf(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** What a program may do wrong while it has a key in its hands. */
const mistakes: Record<string, () => unknown> = {
  "a URL that is none": () => new Client().connect(`connector://host:99999#${text}`),
  "a URL without a port": () => new Client().connect(`connector://host#${text}`),
  "a URL with the key before the host": () => new Client().connect(`connector://${text}@127.0.0.1:1900`),
  "the key in place of the URL": () => new Client().connect(text),
  "a URL and a port": () => new Client().connect(`connector://127.0.0.1#${text}`, 1900),
  "nobody listening": () => new Client({ key }).connect(`connector://127.0.0.1:1#${text}`),
  "nobody listening, and the key as text": () => new Client({ key: text }).connect("127.0.0.1", 1),
  "no such host": () => new Client().connect(`connector://no-such-host.invalid:1900#${text}`),
  "an address of another machine": () => new Client({ key }).connect(`connector://192.0.2.1:1900#${text}`),
  "a wait that is over": () =>
    new Client({ key }).connect(`connector://127.0.0.1:1#${text}`, { timeoutMs: 0 }),
  "no address to listen at": () => new Server({ key: text, host: "192.0.2.1" }).listen(),
  "a damaged option": () => findKey({ key: text.slice(0, -1), env: {}, mayCreate: false }),
  "a key of two lines": () => findKey({ key: `${text}\n${text}`, env: {}, mayCreate: false }),
  "a damaged variable": () => findKey({ env: { CONNECTOR_KEY: `"${text}"` }, mayCreate: false }),
  "a damaged fragment": () => findKey({ url: `h:1#${text}%20`, env: {}, mayCreate: false }),
  "a file that is none": () => findKey({ env: {}, file: "/dev/null", mayCreate: true }),
  "one key for two names": () => ringOf({ one: { key: text }, two: { key } }),
  "a name that is none": () => ringOf({ "not a name": { key } }),
  "a named key that is damaged": () => ringOf({ one: { key: `${text}${text}` } }),
};

function ringOf(keys: Record<string, { key: string | Key }>): KeyRing {
  const idOf = (each: Key): string => deriveKeys(each).id;
  return new KeyRing({ main: Key.generate(), keys, idOf, onError() {} });
}

describe("a key", { timeout: 30_000 }, () => {
  it.each(Object.entries(mistakes))("is in no error of %s", async (_, mistake) => {
    expectNoKeyIn(await failureOf(mistake));
  });

  it("is in nothing that shows a server, a client, a peer, or their options", async () => {
    const options: ServerOptions = { key };
    const server = new Server({ host: "127.0.0.1", ...options });
    open.push(server);
    await server.listen();
    const client = new Client({ key });
    open.push(client);
    await client.connect(`${server.url}#${text}`);
    for (const each of [
      server,
      client,
      server.clients,
      server.clients[0],
      options,
      server.address,
      server.url,
    ]) {
      expectNoKeyIn(each);
    }
  });

  it("is in nothing that shows a ring, what it holds, or what is derived", () => {
    const ring = ringOf({ one: { key } });
    const held = ring.get(deriveKeys(key).id);
    for (const each of [ring, held, deriveKeys(key), key]) expectNoKeyIn(each);
  });

  it("does not travel in a value: a Key arrives as an object with nothing in it", async () => {
    const server = new Server({ host: "127.0.0.1" });
    open.push(server);
    await server.listen();
    const client = new Client();
    open.push(client);
    await client.connect(server.url as string);
    await client.send({ key });
    expectNoKeyIn(await server.clients[0]?.recv());
    client.globals.vars.key = key;
    await client.globals.dict.synced();
    expectNoKeyIn({ ...server.vars });
  });

  it("is in nothing that shows one that was just made", () => {
    const folder = mkdtempSync(join(tmpdir(), "connector-leak-"));
    try {
      const made = findKey({ env: {}, file: join(folder, "key"), mayCreate: true });
      expect(made).toBeInstanceOf(Key);
      expect(shown(made)).toMatch(/^Key\(/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
