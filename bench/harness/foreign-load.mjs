import { readFileSync } from "node:fs";

const TICK_US = 10_000; // USER_HZ is 100 on every Linux that Node runs on

/** CPU time in microseconds, so far: of the whole machine but for these processes. NaN where there is no /proc. */
export function foreignCpuUs(pids) {
  try {
    const [user, nice, system, , , irq, softirq] = fieldsOf("/proc/stat").slice(1).map(Number);
    const own = pids.reduce((sum, pid) => sum + ticksOf(pid), 0);
    return (user + nice + system + irq + softirq - own) * TICK_US;
  } catch {
    return Number.NaN;
  }
}

const fieldsOf = (path) => readFileSync(path, "utf8").split("\n", 1)[0].split(/\s+/);

function ticksOf(pid) {
  const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return Number(afterName[11]) + Number(afterName[12]);
}
