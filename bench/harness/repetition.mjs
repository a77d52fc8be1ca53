import { setTimeout as sleep } from "node:timers/promises";
import { startBroker } from "./broker.mjs";
import { foreignCpuUs } from "./foreign-load.mjs";
import { ownPids, startRole } from "./processes.mjs";

const ONE_CORE = 1;
const HUNG_MS = 120_000;
/** Measured: after 1 s grpc-js takes 1.5 times as long for a call as after 5 s. A cold peer would flatter Connector. */
const SLOW_TO_WARM_MS = { "grpc-js": 5000 };

/**
 * One repetition of one scenario for one peer, in fresh processes.
 *
 * @param times - `{ warmMs, measureMs }`
 * @param profiled - the role that runs with `execArgv`, if any
 * @returns `{ value, cpu, foreign }`: the figure, CPU microseconds per operation of each role, foreign CPU in per cent of a core
 */
export async function repetition(scenario, peerName, times, profiled = {}) {
  const roleNames = Object.keys(scenario.roles);
  const coreOf = (roleName) => (scenario.onOneCore ? ONE_CORE : scenario.roles[roleName].core);
  const warmMs = Math.max(times.warmMs, scenario.leastWarmMs ?? 0, SLOW_TO_WARM_MS[peerName] ?? 0);
  const running = {};
  let broker;
  let hung;
  const body = async () => {
    broker = await startBroker(peerName, scenario.onOneCore ? ONE_CORE : undefined);
    for (const name of roleNames) {
      const execArgv = [
        ...(scenario.execArgv ?? []),
        ...(profiled.roleName === name ? profiled.execArgv : []),
      ];
      running[name] = startRole(scenario, name, peerName, { core: coreOf(name), execArgv });
    }
    const given = { broker: broker?.address, address: broker?.address };
    for (const name of roleNames) Object.assign(given, await running[name].ask("open", given));
    return await (scenario.drive ?? driveSteadily)(running, given, { ...scenario, ...times, warmMs });
  };
  try {
    const limit = new Promise((_, reject) => {
      hung = setTimeout(() => reject(new Error(`no result within ${HUNG_MS / 1000} s`)), HUNG_MS);
    });
    return await Promise.race([body(), limit]);
  } finally {
    clearTimeout(hung);
    await Promise.all(Object.values(running).map((role) => role.stop()));
    await broker?.stop();
  }
}

/** Lets the closed loops run, and reads all processes before and after a window in the middle. */
async function driveSteadily(running, given, { unit, counts, quantile = "p50", warmMs, measureMs }) {
  const roles = Object.entries(running);
  const markAll = async () =>
    Object.fromEntries(await Promise.all(roles.map(async ([name, role]) => [name, await role.ask("mark")])));
  await Promise.all(roles.map(([, role]) => role.ask("run", given)));
  await sleep(warmMs);
  const pids = ownPids();
  const foreignBefore = foreignCpuUs(pids);
  const first = await markAll();
  await sleep(measureMs);
  const last = await markAll();
  const wallUs = last[counts].at - first[counts].at;
  const operations = last[counts].count - first[counts].count;
  if (operations <= 0) throw new Error("nothing happened in the measured window");
  return {
    value: unit === "us" ? last[counts][quantile] : (operations / wallUs) * 1e6,
    cpu: roles.map(([name]) => [name, (last[name].cpuUs - first[name].cpuUs) / operations]),
    foreign: ((foreignCpuUs(pids) - foreignBefore) / wallUs) * 100,
  };
}
