import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The functions of a `.cpuprofile` in a directory by their own time, slowest first: `{ where, ms, percent }`. */
export function selfTimes(directory) {
  const file = readdirSync(directory).find((name) => name.endsWith(".cpuprofile"));
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(directory, file), "utf8"));
  const whereOf = new Map(nodes.map(({ id, callFrame }) => [id, place(callFrame)]));
  const microseconds = new Map();
  let total = 0;
  samples.forEach((id, n) => {
    const where = whereOf.get(id);
    microseconds.set(where, (microseconds.get(where) ?? 0) + timeDeltas[n]);
    total += timeDeltas[n];
  });
  return [...microseconds]
    .sort(([, a], [, b]) => b - a)
    .map(([where, us]) => ({ where, ms: us / 1000, percent: (us / total) * 100 }));
}

function place({ functionName, url, lineNumber }) {
  const file = url.startsWith("file:") ? relative(ROOT, fileURLToPath(url)) : url;
  return `${functionName || "(anonymous)"}${file ? `  ${file}:${lineNumber + 1}` : ""}`;
}
