import { existsSync } from "node:fs";
import { isBrokerInstalled } from "../harness/broker.mjs";

const BUILT = new URL("../../dist/index.js", import.meta.url);

/** Where a peer's adapter for one kind of scenario is; README.md lists what each kind must export. */
export const peerModule = (peerName, kind) => new URL(`${peerName}/${kind}.mjs`, import.meta.url).href;

/** Why a peer cannot take part here, or `undefined`. */
export function absence(peerName) {
  if (peerName === "connector" && !existsSync(BUILT)) return "not built";
  if (!isBrokerInstalled(peerName)) return "not installed";
  return undefined;
}
