/** Text of an error that could not travel as it was: enough for people, small enough for most limits; then for any. */
const TEXT_LIMITS = [4096, 100] as const;

/**
 * Sends what a function has thrown; where it cannot travel, the same error with less in it: its class, text and plain
 * fields. Whatever was thrown, the one who waits gets an answer, and nobody else notices.
 *
 * @param send - throws a `ConnectorError` where the value cannot travel
 */
export function sendThrown(thrown: unknown, send: (error: unknown) => void): void {
  try {
    send(thrown);
  } catch (refusal) {
    if (thrown instanceof Error) sendReduced(thrown, send);
    else sendThrown(refusal, send);
  }
}

function sendReduced(error: Error, send: (error: unknown) => void): void {
  try {
    send(reduced(error, TEXT_LIMITS[0]));
  } catch {
    send(reduced(error, TEXT_LIMITS[1]));
  }
}

function reduced(error: Error, maxCharacters: number): Error {
  const plain = Object.create(Object.getPrototypeOf(error) as object) as Error;
  for (const key of ["name", "message", "stack"] as const) {
    Object.defineProperty(plain, key, { value: textAt(error, key).slice(0, maxCharacters) });
  }
  for (const [key, { value, enumerable }] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    if (!enumerable || Object.hasOwn(plain, key) || !isPlain(value, maxCharacters)) continue;
    Object.defineProperty(plain, key, { value, enumerable });
  }
  return plain;
}

/** A getter of the user's may be what failed. */
function textAt(error: Error, key: "name" | "message" | "stack"): string {
  try {
    return String(error[key]);
  } catch {
    return "";
  }
}

function isPlain(value: unknown, maxCharacters: number): boolean {
  if (typeof value === "string") return value.length <= maxCharacters;
  return typeof value === "number" || typeof value === "boolean" || value === null;
}
