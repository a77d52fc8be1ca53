import { scenarios as bulk } from "./bulk.mjs";
import { scenarios as calls } from "./calls.mjs";
import { scenarios as codec } from "./codec.mjs";
import { scenarios as dict } from "./dict.mjs";
import { scenarios as fanOut } from "./fan-out.mjs";
import { scenarios as link } from "./link.mjs";
import { scenarios as messages } from "./messages.mjs";
import { scenarios as queue } from "./queue.mjs";
import { scenarios as trouble } from "./trouble.mjs";

export const scenarios = [
  ...calls,
  ...messages,
  ...fanOut,
  ...dict,
  ...queue,
  ...link,
  ...bulk,
  ...trouble,
  ...codec,
];

export function scenarioNamed(name) {
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (!scenario)
    throw new Error(`no scenario ${name}; there are: ${scenarios.map((each) => each.name).join(" ")}`);
  return scenario;
}
