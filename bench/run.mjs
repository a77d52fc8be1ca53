import "./harness/own-home.mjs";
import { writeFileSync } from "node:fs";
import { readArguments } from "./harness/arguments.mjs";
import { canPin } from "./harness/processes.mjs";
import { repetition } from "./harness/repetition.mjs";
import { markdownReport, plainTable, rowsOf } from "./harness/report.mjs";
import { absence } from "./peers/index.mjs";

/** The bench: all scenarios, peers taking turns, one table. README.md has the options. */
const settings = readArguments(process.argv.slice(2));
const started = performance.now();
const rows = [];
for (const scenario of settings.scenarios) {
  const results = await resultsOf(scenario);
  rows.push(...rowsOf(scenario, results));
}
console.log(plainTable(rows));
console.error(`${Math.round((performance.now() - started) / 1000)} s`);
if (settings.isWhole)
  writeFileSync(new URL("results.md", import.meta.url), markdownReport(rows, { ...settings, canPin }));
process.exit();

async function resultsOf(scenario) {
  const peers = scenario.peers.filter((name) => !settings.peers || settings.peers.includes(name));
  const results = Object.fromEntries(peers.map((name) => [name, { absent: absence(name), samples: [] }]));
  const rounds = Math.min(settings.rounds, scenario.rounds ?? settings.rounds);
  for (let round = 0; round < rounds; round++) {
    for (const peerName of turned(peers, round))
      await measure(scenario, peerName, results[peerName], `${round + 1}/${rounds}`);
  }
  return results;
}

/** Each round begins with another peer: none always follows the same neighbour's heat. */
function turned(peers, round) {
  return peers.map((_, n) => peers[(n + round) % peers.length]);
}

async function measure(scenario, peerName, result, round) {
  if (result.absent || result.failed) return;
  try {
    const sample = await repetition(scenario, peerName, settings);
    result.samples.push(sample);
    const foreign = sample.foreign === undefined ? "" : `, foreign CPU ${sample.foreign.toFixed(0)} %`;
    console.error(`${scenario.name} ${peerName} ${round}: ${sample.value.toFixed(1)} ${scenario.unit}${foreign}`);
  } catch (error) {
    result.failed = error.message.split("\n", 1)[0];
    process.exitCode = 1;
    console.error(`${scenario.name} ${peerName}: ${error.message}`);
  }
}
