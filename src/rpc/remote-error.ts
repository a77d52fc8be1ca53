/** Where the library called the other side's function: its frames there, and below, are nobody's business. */
const REMOTE_OWN_FRAME =
  /\bat (?:async )?(?:(?:CallTable|IncomingCalls|EvalScope)\.|(?:callInContext|pumpStream|unknownFunction) \(|(?:failure|#run) \(.*\b(?:errors\.[jt]s|dist\/(?:index|connector-\w+)\.js):)/;
const INTERNAL_FRAME = /\(node:internal\/|^ {4}at (?:\S+\.)?next \(<anonymous>\)$/;

/** True in the package's own bundle, whose folder is all the library's; not there in a bundle of the user's. */
declare const CONNECTOR_BUNDLE: boolean | undefined;

/** The folder of the library's code; none where it is bundled with the user's program. */
const OWN_FOLDER: string | undefined =
  typeof CONNECTOR_BUNDLE === "boolean"
    ? new URL(".", import.meta.url).pathname
    : /^(.*\/)rpc\/remote-error\.[jt]s$/.exec(new URL(import.meta.url).pathname)?.[1];

/**
 * What a thrown error becomes at the caller: the same, with the frames of whoever awaits it under the remote ones.
 *
 * @param place - where it ran, and for what
 */
export function withLocalFrames(error: Error, place: string, waitingStack: string): Error {
  const remote = (error.stack ?? "").split("\n");
  const cut = remote.findIndex((line) => REMOTE_OWN_FRAME.test(line));
  const local = waitingStack.split("\n").slice(1).filter(isTheirs);
  const stack = [
    ...(cut < 0 ? remote : remote.slice(0, cut)).filter((line) => !INTERNAL_FRAME.test(line)),
    `    at --- ran on ${place} ---`,
    ...local,
  ];
  Object.defineProperty(error, "stack", { value: stack.join("\n"), writable: true, configurable: true });
  return error;
}

function isTheirs(line: string): boolean {
  return !INTERNAL_FRAME.test(line) && (OWN_FOLDER === undefined || !line.includes(OWN_FOLDER));
}
