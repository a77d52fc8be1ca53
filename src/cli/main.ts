#!/usr/bin/env node
import { writeSync } from "node:fs";
import { KEY_USAGE, key } from "./commands/key.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `Usage: connector <command>

${KEY_USAGE}
  connector --help      this text
`;

/** What each prints. */
const COMMANDS: ReadonlyMap<string, (args: readonly string[]) => string> = new Map([["key", key]]);

function run([name, ...args]: readonly string[]): string {
  if (name === undefined) throw new UsageError("a command is missing");
  if (name === "help" || [name, ...args].some((arg) => arg === "--help" || arg === "-h")) return HELP;
  const command = COMMANDS.get(name);
  if (!command) throw new UsageError(`there is no command ${JSON.stringify(name)}`);
  return command(args);
}

try {
  // At once, so that what cannot be printed is an error like any other.
  writeSync(process.stdout.fd, run(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`connector: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
