import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Keys and sockets of the tests, and of the programs that they start, are kept apart from those of whoever runs them. */
export default function ownHome(): () => void {
  const home = mkdtempSync(join(tmpdir(), "connector-test-"));
  process.env["XDG_CONFIG_HOME"] = home;
  process.env["XDG_RUNTIME_DIR"] = home;
  delete process.env["CONNECTOR_KEY"];
  return () => rmSync(home, { recursive: true, force: true });
}
