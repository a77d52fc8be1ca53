import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, lstatSync, renameSync, type Stats, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";

/** A server may come between each look and step; more than a few do not. */
const ATTEMPTS = 3;

/**
 * Listens at a path. A socket there that nobody listens to is removed; however many servers try at once, none takes away
 * what another has just made.
 *
 * @returns what takes the path away again; undefined where a living server, or what is no socket, has it
 */
export async function listenAtPath(server: Server, path: string): Promise<(() => void) | undefined> {
  // Under a name of its own first: a link to it is made in one step, and never replaces what is there.
  const own = besideOf(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: own, exclusive: true, backlog: 1024 }, resolve);
  });
  try {
    chmodSync(own, 0o600);
    const mine = lstatSync(own);
    if (await isPlaced(own, path)) return () => takeAway(path, mine);
  } finally {
    unlinkSync(own);
  }
  server.close();
  return undefined;
}

async function isPlaced(own: string, path: string): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      linkSync(own, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) continue;
    if (!found.isSocket() || !(await isDead(path))) return false;
    takeAway(path, found);
  }
  return false;
}

/** Whether nobody listens there: only then the system refuses. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}

/** Removes what was seen at the path. What somebody has put there since is put back. */
function takeAway(path: string, seen: Stats): void {
  const aside = besideOf(path);
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const taken = lstatSync(aside);
  // Numbers of files are used again; a socket's time of making does not change by renaming it.
  if (taken.ino !== seen.ino || taken.mtimeMs !== seen.mtimeMs) {
    try {
      linkSync(aside, path);
    } catch {
      // A third one has the path already.
    }
  }
  unlinkSync(aside);
}

function besideOf(path: string): string {
  return join(dirname(path), `~${randomBytes(4).toString("hex")}`);
}
