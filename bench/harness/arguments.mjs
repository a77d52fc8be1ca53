import { parseArgs } from "node:util";
import { scenarios } from "../scenario/index.mjs";

const DEFAULT = { rounds: 5, warmMs: 1000, measureMs: 700 };
const QUICK = { rounds: 1, warmMs: 500, measureMs: 400 };

/** `--only <scenario or its beginning>` (repeatable), `--peers a,b`, `--rounds n`, `--quick`. */
export function readArguments(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: "string", multiple: true },
      peers: { type: "string" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const settings = values.quick ? QUICK : DEFAULT;
  const rounds = values.rounds === undefined ? settings.rounds : Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error(`--rounds must be a positive whole number, got ${values.rounds}`);
  return {
    ...settings,
    rounds,
    scenarios: chosenScenarios(values.only),
    peers: values.peers?.split(","),
    isWhole: !values.only && !values.peers && rounds >= DEFAULT.rounds,
  };
}

function chosenScenarios(only) {
  if (only === undefined) return scenarios.filter(({ onlyWhenAsked }) => !onlyWhenAsked);
  const chosen = only.flatMap((wanted) => {
    const exact = scenarios.filter(({ name }) => name === wanted);
    return exact.length > 0 ? exact : scenarios.filter(({ name, onlyWhenAsked }) => !onlyWhenAsked && name.startsWith(wanted));
  });
  if (chosen.length === 0) throw new Error(`no such scenario; there are: ${scenarios.map(({ name }) => name).join(" ")}`);
  return [...new Set(chosen)];
}
