import { type ConnectorError, failure, isErrorCode } from "../core/errors.ts";

/** What the writer of a refused write gets. */
export interface RefusedWrite {
  /** Of the error table, when the other side's version knows the same ones. */
  readonly code: string;
  /** What the other side says besides: the grant that is missing, or the reason of a failure that has no code here. */
  readonly text: string;
  readonly key: string;
  /** What the key holds now that the write is taken back. */
  readonly found: string;
}

export function writeRefusal({ code, text, key, found }: RefusedWrite): ConnectorError {
  if (code !== "CNR_ERR_NOT_ALLOWED") {
    return failure(isErrorCode(code) ? code : "CNR_ERR_REMOTE", { key, found, reason: text });
  }
  return failure(code, { key, grant: text, what: `writing a function to "${key}"` });
}
