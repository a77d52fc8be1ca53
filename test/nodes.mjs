// Runs the suite on each version of Node that is supported: `npm run test:nodes -- 24 26 -- test/unit test/integration`
import { spawnSync } from "node:child_process";

const SUPPORTED = ["20", "22", "24", "26"];

const given = process.argv.slice(2);
const versions = given.filter((each) => /^\d+$/.test(each));
const files = given.filter((each) => each !== "--" && !versions.includes(each));
const failed = [];
for (const version of versions.length > 0 ? versions : SUPPORTED) {
  console.log(`\nNode ${version}`);
  const vitest = ["node", "node_modules/vitest/vitest.mjs", "run", ...files];
  const { status } = spawnSync("npx", ["-y", "-p", `node@${version}`, ...vitest], { stdio: "inherit" });
  if (status !== 0) failed.push(version);
}
console.log(failed.length > 0 ? `\nfailed on Node ${failed.join(", ")}` : "\nall passed");
process.exitCode = failed.length > 0 ? 1 : 0;
