import { peerModule, peerOf } from "../peers/index.mjs";
import { scenarioNamed } from "../scenario/index.mjs";
import { Recorder } from "./recorder.mjs";

/** Entry of a measured process: it plays one role of one scenario for one peer, told what to do over IPC. */
const [scenarioName, roleName, peerName] = process.argv.slice(2);
const scenario = scenarioNamed(scenarioName);
process.env.BENCH_LINK = peerOf(peerName).link;
const recorder = new Recorder();
let role;

const commands = {
  async open(given) {
    const peer = await import(peerModule(peerName, scenario.kind));
    if (roleName === "server" && !peer.serve) return {}; // its broker is the server
    role = await scenario.roles[roleName].open({ peer, given, recorder, options: scenario.options ?? {} });
    return role.ready ?? {};
  },
  async run(given) {
    await role?.run?.(given);
  },
  mark: async () => ({ ...recorder.mark(), ...(await role?.mark?.()) }),
};

process.on("message", async ({ id, command, given }) => {
  if (command === "exit") process.exit(0);
  try {
    process.send({ id, value: await commands[command](given) });
  } catch (error) {
    process.send({ id, error: error.stack ?? String(error) });
  }
});
process.on("disconnect", () => process.exit(0));
