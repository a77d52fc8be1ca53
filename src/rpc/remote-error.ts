/** What a thrown value becomes at the caller: the same, with the caller's own frames under the remote ones. */
export function withLocalFrames(error: unknown, where: string, what: string, localStack: string | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const remote = (error.stack ?? "").split("\n");
  // Below its own first frame of the library, the remote stack tells how the library called: nobody's business.
  const cut = remote.findIndex((line) => OWN_FRAME.test(line));
  const frames = (cut < 0 ? remote : remote.slice(0, cut)).filter((line) => !INTERNAL_FRAME.test(line));
  const local = (localStack ?? "").split("\n").slice(1);
  const stack = [...frames, `    at --- ran on ${where} for ${what} ---`, ...local.filter((line) => !OWN_FRAME.test(line))];
  Object.defineProperty(error, "stack", { value: stack.join("\n"), writable: true, configurable: true });
  return error;
}

const OWN_FRAME = /\b(?:CallTable|IncomingCalls|OutgoingCalls|runInContext)\b|#run[A-Z]/;
const INTERNAL_FRAME = /\(node:internal\//;
