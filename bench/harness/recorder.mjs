import { quantile } from "./statistics.mjs";

const CAPACITY = 1 << 20;

/** Counts operations and keeps latencies inside a measured process; `mark` reads all of it between two turns. */
export class Recorder {
  count = 0;
  #latencies = new Float64Array(CAPACITY);
  #kept = 0;

  /** @param us - how long one operation took, in microseconds */
  add(us) {
    this.count += 1;
    if (this.#kept < CAPACITY) this.#latencies[this.#kept++] = us;
  }

  /** What happened so far, and the latencies since the last mark. */
  mark() {
    const latencies = this.#latencies.subarray(0, this.#kept).sort();
    this.#kept = 0;
    const { user, system } = process.cpuUsage();
    const at = (fraction) => (latencies.length > 0 ? quantile(latencies, fraction) : undefined);
    return {
      at: Number(process.hrtime.bigint()) / 1000,
      count: this.count,
      cpuUs: user + system,
      p50: at(0.5),
      p99: at(0.99),
      samples: latencies.length,
    };
  }
}
