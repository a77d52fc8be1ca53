import "./harness/own-home.mjs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { selfTimes } from "./harness/cpu-profile.mjs";
import { repetition } from "./harness/repetition.mjs";
import { absence } from "./peers/index.mjs";
import { scenarioNamed } from "./scenario/index.mjs";

const SHOWN = 25;
const TIMES = { warmMs: 1000, measureMs: 4000 };

/** `node bench/profile.mjs <scenario> <role> [--peer ws] [--keep directory]`: where a role spends its own time. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { peer: { type: "string", default: "connector" }, keep: { type: "string" } },
});
const scenario = scenarioNamed(positionals[0]);
const roleName = positionals[1];
if (!scenario.roles[roleName])
  throw new Error(`${scenario.name} has the roles ${Object.keys(scenario.roles).join(", ")}`);

const absent = absence(values.peer);
if (absent) throw new Error(`${values.peer}: ${absent}`);

const directory = values.keep ?? mkdtempSync(join(tmpdir(), "connector-profile-"));
try {
  const execArgv = ["--cpu-prof", `--cpu-prof-dir=${directory}`];
  const { value } = await repetition(scenario, values.peer, TIMES, { roleName, execArgv });
  console.log(
    `${scenario.title}, ${values.peer}, ${roleName}: ${value.toFixed(1)} ${scenario.unit} while profiled\n`,
  );
  for (const { where, ms, percent } of selfTimes(directory).slice(0, SHOWN)) {
    console.log(`${percent.toFixed(1).padStart(5)} %  ${ms.toFixed(0).padStart(6)} ms  ${where}`);
  }
} finally {
  if (!values.keep) rmSync(directory, { recursive: true, force: true });
}
process.exit();
