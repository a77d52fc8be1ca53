import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOf, type CodeBlock, page, ROOT } from "./markdown.ts";

const TIMEOUT_MS = 30_000;
/** What a picture takes for granted: a client connected to a server, and its peer. */
const BEFORE = `import { Client as TheClient, Server as TheServer } from "tcp-connector";
const server = new TheServer(), client = new TheClient({ name: "alice" });
await server.listen();
await client.connect(server.url);
const peer = server.clients[0];
`;
const AFTER = "\nawait client.close();\nawait server.close();\n";

const blocks = blocksOf(page("README.md"), "js");
const isProgram = ({ code }: CodeBlock): boolean => /^\/\/ \w+\.mjs\n/.test(code);
const pictures = blocks.filter((block) => !isProgram(block));

let folder = "";
beforeAll(() => {
  if (!existsSync(join(ROOT, "dist/index.js")))
    throw new Error("there is no dist: run `npm run build` first");
  folder = mkdtempSync(join(tmpdir(), "connector-readme-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/tcp-connector"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, code: string): string {
  const path = join(folder, name);
  writeFileSync(path, code);
  return path;
}

function program(name: string): string {
  const found = blocks.find(({ code }) => code.startsWith(`// ${name}\n`));
  if (!found) throw new Error(`README.md has no program ${name}`);
  return found.code;
}

/** The comments behind `console.log(...)`: what it prints, over several lines where it is called several times. */
function promised(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, text = ""]) => text);
}

describe("README.md", () => {
  it("has pictures, and every console.log in them says what it prints", () => {
    expect(pictures.length).toBeGreaterThan(6);
    for (const { code, line } of blocks) {
      expect(promised(code).length, `line ${line}`).toBe(code.split("console.log(").length - 1);
    }
  });

  it.each(pictures)(
    "prints what the picture at line $line says",
    { timeout: TIMEOUT_MS + 5000 },
    ({ code, line }) => {
      const path = write(`picture-${line}.mjs`, `${BEFORE}${code}${AFTER}`);
      const options = { encoding: "utf8", timeout: TIMEOUT_MS, killSignal: "SIGKILL" } as const;
      const { status, signal, stdout, stderr } = spawnSync(process.execPath, [path], options);
      expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
      expect(stdout.trim().split("\n").join(" ")).toBe(promised(code).join(" "));
    },
  );

  it("has a server and a client that talk, and a server that ends in order", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const serverCode = program("server.mjs").replace("port: 1900", "port: 0");
    const child = spawn(process.execPath, [write("server.mjs", serverCode)], { timeout: TIMEOUT_MS });
    let output = "";
    const exit = new Promise((resolve) => child.once("close", (code) => resolve(code)));
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const found = /connector:\/\/127\.0\.0\.1:(\d+)\n/.exec(output);
        if (found?.[1]) resolve(found[1]);
      });
      void exit.then((code) => reject(new Error(`the server ended with ${String(code)}`)));
    });
    const clientCode = program("client.mjs").replace("1900", port);
    const client = spawnSync(process.execPath, [write("client.mjs", clientCode)], {
      encoding: "utf8",
      timeout: TIMEOUT_MS / 2,
    });
    // Whatever the client did, the server does not outlive the test.
    child.kill("SIGTERM");
    expect(client).toMatchObject({ status: 0, stderr: "", stdout: "welcome\n" });
    expect(await exit).toBe(0);
    for (const text of promised(program("server.mjs")))
      expect(output).toContain(text.replaceAll("1900", port));
  });

  it("has typed code that the compiler accepts", { timeout: TIMEOUT_MS }, () => {
    const files = blocksOf(page("README.md"), "ts").map(({ code, line }) => write(`typed-${line}.mts`, code));
    const flags =
      "--noEmit --strict --skipLibCheck --module nodenext --target es2023 --lib es2023,esnext.disposable,dom --types";
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...flags.split(" "), "", ...files], {
      encoding: "utf8",
      cwd: folder,
      timeout: TIMEOUT_MS,
    });
    expect(files.length).toBeGreaterThan(0);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  });
});
