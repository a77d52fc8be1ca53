import { ERROR_CODES, type ErrorCode, type ErrorCodeEntry, type ErrorKind } from "./error-codes.ts";

export interface ErrorOptions {
  /** Plain data about this case: fills the text, and travels with the error. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Two copies of this package in one process still recognise each other's errors. */
const MARK = Symbol.for("tcp-connector.error");

function textOf(entry: ErrorCodeEntry, details: Readonly<Record<string, unknown>>): string {
  return entry.text.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ""));
}

/**
 * Base class of every failure that Connector reports.
 *
 * `code` is one of the codes in docs/ERRORS.md, `retryable` says whether the same call may succeed later,
 * `details` holds the numbers and names of this case.
 */
export class ConnectorError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const entry: ErrorCodeEntry = ERROR_CODES[code];
    const details = options.details ?? {};
    super(textOf(entry, details), "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = entry.retryable;
    this.details = details;
  }

  get [MARK](): true {
    return true;
  }

  static is(value: unknown): value is ConnectorError {
    return typeof value === "object" && value !== null && MARK in value;
  }
}

/** The link to the other side is missing, lost or closed. `executed` tells of a call whether it may have run. */
export class ConnectionError extends ConnectorError {
  get executed(): "no" | "unknown" | undefined {
    return this.details["executed"] as "no" | "unknown" | undefined;
  }
}
/** The two sides do not understand each other: other protocol, other version. */
export class HandshakeError extends ConnectorError {}
/** The other side could not prove that it has the key. */
export class AuthenticationError extends ConnectorError {}
/** The other side does not grant this. */
export class PermissionError extends ConnectorError {}
/** A `timeoutMs` has passed. */
export class TimeoutError extends ConnectorError {}
/** `cancel()` was called, here or there. */
export class CancelledError extends ConnectorError {}
/** A limit of docs/LIMITS.md was met. */
export class LimitError extends ConnectorError {}
/** The other side sent something that the protocol does not allow; its link is ended. */
export class ProtocolError extends ConnectorError {}
/** A value cannot travel, or received bytes are no value. */
export class CodecError extends ConnectorError {}
/** A file or folder transfer failed. */
export class TransferError extends ConnectorError {}
/** A queue is closed. */
export class QueueError extends ConnectorError {}
/** An item was acknowledged after its lease had gone to somebody else. */
export class LeaseLostError extends ConnectorError {}
/** A write was refused by the store. */
export class StoreError extends ConnectorError {}
/** The other side failed in a way that has no class of its own here. */
export class RemoteError extends ConnectorError {}

const CLASS_OF_KIND: Readonly<Record<ErrorKind, typeof ConnectorError>> = {
  connection: ConnectionError,
  handshake: HandshakeError,
  authentication: AuthenticationError,
  permission: PermissionError,
  timeout: TimeoutError,
  cancelled: CancelledError,
  limit: LimitError,
  protocol: ProtocolError,
  codec: CodecError,
  transfer: TransferError,
  queue: QueueError,
  lease: LeaseLostError,
  store: StoreError,
  remote: RemoteError,
};

for (const errorClass of [ConnectorError, ...Object.values(CLASS_OF_KIND)]) {
  // On the prototype and not enumerable, as the names of the built-in classes are.
  Object.defineProperty(errorClass.prototype, "name", {
    value: errorClass.name,
    writable: true,
    configurable: true,
  });
}

/** The error of the right class for a code: `failure("CNR_ERR_TIMEOUT", { what, timeoutMs })`. */
export function failure(
  code: ErrorCode,
  details: Readonly<Record<string, unknown>> = {},
  ...cause: [cause?: unknown]
): ConnectorError {
  const errorClass = CLASS_OF_KIND[ERROR_CODES[code].kind];
  return new errorClass(code, cause.length > 0 ? { details, cause: cause[0] } : { details });
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}
