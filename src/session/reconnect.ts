import { onAbort } from "../core/abort.ts";
import { ConnectorError, failure } from "../core/errors.ts";
import { Countdown } from "./countdown.ts";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5000;

/**
 * How long to wait before the n-th repetition, from 0: somewhere between nothing and a bound that doubles, so that the
 * clients of a server that comes back do not all come at once.
 */
export function backoffMs(repetition: number, random: () => number): number {
  return random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** repetition);
}

export interface ReconnectOptions {
  /** Dials and greets; resolves when there is a session over a link again. */
  readonly attempt: (signal: AbortSignal) => Promise<void>;
  /** How long to try, in milliseconds that this process was running. */
  readonly windowMs: number;
  /** Ends it; it rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Why there is no link. */
  readonly cause: unknown;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Tries again and again, at once the first time. Its waits keep the process alive, as the link did that was lost.
 *
 * Rejects with `CNR_ERR_SESSION_LOST` when the time is over, and with the failure of an attempt that no repetition helps.
 */
export async function reconnect(options: ReconnectOptions): Promise<void> {
  const { windowMs, cause, random } = options;
  const giveUp = new AbortController();
  const stopListening = onAbort(options.signal, () => giveUp.abort(options.signal.reason));
  const countdown = new Countdown(windowMs, () => {
    const reason = `no link to the server within ${windowMs} ms`;
    giveUp.abort(failure("CNR_ERR_SESSION_LOST", { reason, restarted: false }, cause));
  });
  try {
    for (let repetition = 0; ; repetition++) {
      giveUp.signal.throwIfAborted();
      const error = await options.attempt(giveUp.signal).then(
        () => undefined,
        (reason: unknown) => ({ reason }),
      );
      if (!error) return;
      giveUp.signal.throwIfAborted();
      if (ConnectorError.is(error.reason) && !error.reason.retryable) throw error.reason;
      await pause(backoffMs(repetition, random), giveUp.signal);
    }
  } finally {
    countdown.stop();
    stopListening();
  }
}

/** Resolves after some time, or when the signal aborts. */
function pause(timeMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      stopListening();
      resolve();
    };
    const timer = setTimeout(over, timeMs);
    const stopListening = onAbort(signal, over);
  });
}
