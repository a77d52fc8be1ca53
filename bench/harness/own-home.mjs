import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Keys and sockets of the bench, and of all processes it starts, are kept apart from the user's. Import it first. */
const home = mkdtempSync(join(tmpdir(), "connector-bench-"));
process.env.XDG_CONFIG_HOME = home;
process.env.XDG_RUNTIME_DIR = home;
delete process.env.CONNECTOR_KEY;
process.on("exit", () => rmSync(home, { recursive: true, force: true }));
