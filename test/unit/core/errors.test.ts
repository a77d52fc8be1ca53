import { describe, expect, it } from "vitest";
import { ERROR_CODES, type ErrorCode } from "../../../src/core/error-codes.ts";
import * as errors from "../../../src/core/errors.ts";

const { ConnectorError, failure, isErrorCode } = errors;
const codes = Object.keys(ERROR_CODES) as ErrorCode[];

const classOfKind: Readonly<Record<string, unknown>> = {
  connection: errors.ConnectionError,
  handshake: errors.HandshakeError,
  authentication: errors.AuthenticationError,
  permission: errors.PermissionError,
  timeout: errors.TimeoutError,
  cancelled: errors.CancelledError,
  limit: errors.LimitError,
  protocol: errors.ProtocolError,
  codec: errors.CodecError,
  transfer: errors.TransferError,
  queue: errors.QueueError,
  lease: errors.LeaseLostError,
  store: errors.StoreError,
  remote: errors.RemoteError,
};

describe("every error", () => {
  it.each(codes)("%s has its class, its code and a text", (code) => {
    const error = failure(code, {});
    expect(Object.getPrototypeOf(error)).toBe(
      (classOfKind[ERROR_CODES[code].kind] as typeof ConnectorError).prototype,
    );
    expect(error).toBeInstanceOf(ConnectorError);
    expect([error.code, error.retryable, error.name]).toEqual([
      code,
      ERROR_CODES[code].retryable,
      error.constructor.name,
    ]);
    expect(error.message.length).toBeGreaterThan(10);
    expect(error.message).not.toMatch(/[{}]|undefined/);
    expect(code).toMatch(/^CNR_ERR_[A-Z_]+$/);
  });

  it("fills its text from its details, and shows its name once", () => {
    const error = failure("CNR_ERR_TIMEOUT", { what: "get", timeoutMs: 0 });
    expect(error.message).toBe("get did not finish within 0 ms");
    expect(`${error}`).toBe("TimeoutError: get did not finish within 0 ms");
    expect(error.details).toEqual({ what: "get", timeoutMs: 0 });
    expect(Object.keys(error).sort()).toEqual(["code", "details", "retryable"]);
  });

  it("has a cause only when one is given, be it undefined", () => {
    expect("cause" in failure("CNR_ERR_CLOSED")).toBe(false);
    expect("cause" in failure("CNR_ERR_CLOSED", {}, undefined)).toBe(true);
    const cause = new Error("why");
    expect(failure("CNR_ERR_CLOSED", {}, cause).cause).toBe(cause);
  });

  it("is recognised, also that of another copy of the package, and nothing else is", () => {
    const foreign = Object.create({ [Symbol.for("tcp-connector.error")]: true }) as object;
    expect([failure("CNR_ERR_CLOSED"), foreign].map((each) => ConnectorError.is(each))).toEqual([true, true]);
    for (const other of [new Error("x"), {}, { code: "CNR_ERR_CLOSED" }, null, undefined, 5, "text"]) {
      expect(ConnectorError.is(other)).toBe(false);
    }
  });

  it("tells of a call whether it may have run", () => {
    const error = failure("CNR_ERR_LINK_LOST", { reason: "x", executed: "unknown" });
    expect((error as errors.ConnectionError).executed).toBe("unknown");
  });

  it("has codes that no inherited name passes for", () => {
    expect(codes.every((code) => isErrorCode(code))).toBe(true);
    for (const other of ["toString", "__proto__", "", "CNR_ERR_X", 5, null, {}])
      expect(isErrorCode(other)).toBe(false);
  });
});
