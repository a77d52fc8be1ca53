import { existsSync } from "node:fs";
import { isBrokerInstalled } from "../harness/broker.mjs";

const BUILT = new URL("../../dist/index.js", import.meta.url);

/** `raw over tls` is the peer `raw` with another link than TCP. */
export function peerOf(peerName) {
  const [name, link = "tcp"] = peerName.split(" over ");
  return { name, link };
}

/** Where a peer's adapter for one kind of scenario is; README.md lists what each kind must export. */
export const peerModule = (peerName, kind) =>
  new URL(`${peerOf(peerName).name}/${kind}.mjs`, import.meta.url).href;

/** Why a peer cannot take part here, or `undefined`. */
export function absence(peerName) {
  if (peerOf(peerName).name === "connector" && !existsSync(BUILT)) return "not built";
  if (!isBrokerInstalled(peerName)) return "not installed";
  return undefined;
}
