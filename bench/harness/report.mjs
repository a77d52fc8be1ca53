import { cpus, release, totalmem } from "node:os";
import { median } from "./statistics.mjs";

const COLUMNS = ["scenario", "who", "median", "min - max", "CPU us each", "Connector is", "goal", "result"];
const NOISY_PERCENT = 50;

/** Whom the others are compared with. */
const own = ({ ours = "connector" }) => ours;
const isLessBetter = (unit) => !unit.endsWith("/s");

/**
 * The rows of one scenario.
 *
 * @param results - peer name to `{ samples }` or `{ absent }` or `{ failed }`
 */
export function rowsOf(scenario, results) {
  const ours = medianOf(results[own(scenario)]);
  return Object.entries(results).map(([peerName, result], n) => {
    const title = n === 0 ? `${scenario.title}, ${scenario.unit}` : "";
    if (!result.samples?.length)
      return [title, peerName, result.absent ?? "failed", "", "", "", goalText(scenario, peerName), ""];
    const values = result.samples.map(({ value }) => value);
    const verdict = judge(scenario, peerName, ours, medianOf(result));
    const noisy = median(result.samples.map(({ foreign }) => foreign ?? 0)) > NOISY_PERCENT ? " *" : "";
    return [
      title,
      peerName,
      figure(medianOf(result)) + noisy,
      `${figure(Math.min(...values))} - ${figure(Math.max(...values))}`,
      cpuText(result.samples),
      peerName === own(scenario) || ours === undefined
        ? ""
        : `${(ours / medianOf(result)).toFixed(2)} x ${peerName}`,
      goalText(scenario, peerName),
      verdict === undefined ? "" : verdict ? "met" : "MISSED",
    ];
  });
}

const medianOf = (result) =>
  result?.samples?.length ? median(result.samples.map(({ value }) => value)) : undefined;

function goalText(scenario, peerName) {
  const { goals, unit } = scenario;
  const goal = goals[peerName];
  if (goal === undefined) return "";
  const sign = isLessBetter(unit) ? "<=" : ">=";
  return peerName === own(scenario) ? `${sign} ${goal} ${unit}` : `${sign} ${goal} x`;
}

/** Whether the goal set against this peer is met; a goal on Connector itself is absolute. */
function judge(scenario, peerName, ours, theirs) {
  const { goals, unit } = scenario;
  if (goals[peerName] === undefined || ours === undefined) return undefined;
  const reached = peerName === own(scenario) ? ours : ours / theirs;
  return isLessBetter(unit) ? reached <= goals[peerName] : reached >= goals[peerName];
}

function cpuText(samples) {
  if (!samples[0].cpu) return "";
  const roles = samples[0].cpu.map(([role], n) => [role, median(samples.map(({ cpu }) => cpu[n][1]))]);
  return roles
    .filter(([, us]) => us >= 0.05)
    .map(([role, us]) => `${role} ${figure(us)}`)
    .join(", ");
}

function figure(value) {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function plainTable(rows) {
  const widths = COLUMNS.map((name, n) => Math.max(name.length, ...rows.map((row) => row[n].length)));
  const line = (cells) =>
    cells
      .map((cell, n) => cell.padEnd(widths[n]))
      .join("  ")
      .trimEnd();
  return [line(COLUMNS), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

export function markdownReport(rows, { rounds, warmMs, measureMs, canPin }) {
  const table = [COLUMNS, COLUMNS.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${release()}`;
  return `# Connector beside its peers

${new Date().toISOString().slice(0, 16)}Z, Node ${process.version}, ${machine}

Every role is a process of its own on 127.0.0.1; peers alternate; medians of ${rounds} repetitions of ${measureMs} ms after ${warmMs} ms of warm-up (queues 2 s, grpc-js 5 s), in closed loops.
${canPin ? "Rows in us have all processes on one core, other rows have the measuring process on core 0 and the server on core 1, brokers free." : "Processes are not pinned to cores here: rows in us measure the waking of cores as well."}
Only ratios count ("Connector is"). ${"`*`"}: other programs took over ${NOISY_PERCENT} % of a core meanwhile. Rerun: ${"`npm run bench`"}.

${table}
`;
}
