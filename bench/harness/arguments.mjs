import { parseArgs } from "node:util";
import { scenarios } from "../scenario/index.mjs";

const DEFAULT = { rounds: 5, warmMs: 1000, measureMs: 400 };
const QUICK = { rounds: 1, warmMs: 400, measureMs: 300 };

/** `--only <scenario or its beginning>` (repeatable), `--peers a,b`, `--rounds n`, `--warm ms`, `--quick`. */
export function readArguments(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: "string", multiple: true },
      peers: { type: "string" },
      rounds: { type: "string" },
      warm: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const settings = values.quick ? QUICK : DEFAULT;
  const rounds = positive("rounds", values.rounds, settings.rounds);
  const warmMs = positive("warm", values.warm, settings.warmMs);
  return {
    ...settings,
    rounds,
    warmMs,
    scenarios: chosenScenarios(values.only),
    peers: values.peers?.split(","),
    isWhole:
      !values.only && !values.peers && !values.quick && rounds >= DEFAULT.rounds && warmMs >= DEFAULT.warmMs,
  };
}

function positive(name, given, otherwise) {
  const value = given === undefined ? otherwise : Number(given);
  if (!(Number.isInteger(value) && value > 0))
    throw new Error(`--${name} must be a positive whole number, got ${given}`);
  return value;
}

function chosenScenarios(only) {
  if (only === undefined) return scenarios.filter(({ onlyWhenAsked }) => !onlyWhenAsked);
  const chosen = only.flatMap((wanted) => {
    const exact = scenarios.filter(({ name }) => name === wanted);
    return exact.length > 0
      ? exact
      : scenarios.filter(({ name, onlyWhenAsked }) => !onlyWhenAsked && name.startsWith(wanted));
  });
  if (chosen.length === 0)
    throw new Error(`no such scenario; there are: ${scenarios.map(({ name }) => name).join(" ")}`);
  return [...new Set(chosen)];
}
