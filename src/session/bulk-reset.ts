import { type ConnectorError, failure, isErrorCode } from "../core/errors.ts";
import type { BulkReset } from "../protocol/bulk-frames.ts";

/** The error that both ends of a channel get when either resets it. */
export function resetError({ code, text }: BulkReset): ConnectorError {
  // Each code's text has its own gap for it.
  return failure(isErrorCode(code) ? code : "CNR_ERR_REMOTE", { what: text, reason: text });
}
