import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ConnectorError, failure, RemoteError, TimeoutError } from "../../../src/core/errors.ts";
import { CodecPair } from "./codec-pair.ts";
import { difference } from "./difference.ts";

const pair = new CodecPair();

describe("an error on its way", () => {
  it.each([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])(
    "stays a %o with its message and stack",
    (type) => {
      const error = new type("it broke: Größe 😀");
      const got = pair.roundTrip(error);
      expect(difference(got, error)).toBeUndefined();
      expect(Object.keys(got)).toEqual([]);
    },
  );

  it("keeps its cause, to any depth, also one that is no error", () => {
    const error = new Error("a", { cause: new TypeError("b", { cause: { code: 7, list: [undefined] } }) });
    expect(difference(pair.roundTrip(error), error)).toBeUndefined();
  });

  it("keeps a cause of undefined apart from no cause", () => {
    expect("cause" in pair.roundTrip(new Error("a", { cause: undefined }))).toBe(true);
    expect("cause" in pair.roundTrip(new Error("a"))).toBe(false);
  });

  it("keeps the errors of an AggregateError", () => {
    const error = new AggregateError([new RangeError("one"), "two", undefined], "all failed");
    const got = pair.roundTrip(error);
    expect(got).toBeInstanceOf(AggregateError);
    expect(difference(got, error)).toBeUndefined();
  });

  it("keeps own fields, whatever they are called", () => {
    const fields = {
      code: "E_TEST",
      errno: -2,
      list: [1, { a: 1 }],
      when: new Date(1),
      errors: { name: "too short" },
    };
    const error = Object.assign(new Error("with fields"), fields);
    expect(difference(pair.roundTrip(error), error)).toBeUndefined();
    const listed = Object.assign(new Error("validation"), { errors: ["a", "b"] });
    expect(difference(pair.roundTrip(listed), listed)).toBeUndefined();
  });

  it("leaves out fields that are methods or symbols, instead of being lost for them", () => {
    const error = Object.assign(new Error("a"), { retry: (): void => {}, tag: Symbol("t"), code: 1 });
    expect(Object.keys(pair.roundTrip(error))).toEqual(["code"]);
  });

  it("keeps a field called __proto__ as data", () => {
    const error = Object.defineProperty(new Error("a"), "__proto__", { value: { bad: 1 }, enumerable: true });
    const got = pair.roundTrip(error);
    expect(Object.getPrototypeOf(got)).toBe(Error.prototype);
    expect("bad" in got).toBe(false);
    expect(Object.keys(got)).toEqual(["__proto__"]);
  });

  it("keeps what the system says", async () => {
    const error = await readFile("/no/such/file").catch((reason: unknown) => reason as NodeJS.ErrnoException);
    const got = pair.roundTrip(error) as NodeJS.ErrnoException;
    expect([got.code, got.syscall, got.path, got.errno]).toEqual(["ENOENT", "open", "/no/such/file", -2]);
    expect(difference(got, error)).toBeUndefined();
  });

  it("keeps name and code of a DOMException", () => {
    const got = pair.roundTrip(new DOMException("stopped", "AbortError"));
    expect(got).toBeInstanceOf(DOMException);
    expect([got.name, got.message, got.code]).toEqual(["AbortError", "stopped", 20]);
  });

  it("arrives as the nearest built-in when its class is unknown, and under its name", () => {
    class ParseError extends SyntaxError {
      override name = "ParseError";
      line = 7;
    }
    const got = pair.roundTrip<SyntaxError>(new ParseError("bad"));
    expect(Object.getPrototypeOf(got)).toBe(SyntaxError.prototype);
    expect([got.name, got.message, (got as ParseError).line]).toEqual(["ParseError", "bad", 7]);
  });

  it("arrives as a RemoteError when only its name is known", () => {
    class PaymentError extends Error {
      override name = "PaymentError";
    }
    const got = pair.roundTrip<Error>(new PaymentError("declined"));
    expect(got).toBeInstanceOf(RemoteError);
    expect([got.name, got.message]).toEqual(["PaymentError", "declined"]);
    expect("code" in got).toBe(false);
  });

  it("survives odd names, messages and stacks", () => {
    const error = Object.assign(new Error("x"), { name: 5, message: { toString: () => "object" } });
    error.stack = undefined as never;
    const got = pair.roundTrip(error as unknown as Error);
    expect([got.name, got.message, got.stack]).toEqual(["5", "object", "5: object"]);
  });

  it("brings no more of an endless stack than people read", () => {
    const error = new Error("x");
    error.stack = "y".repeat(1_000_000);
    expect(pair.roundTrip(error).stack?.length).toBe(16_384);
  });

  it("may lead back to itself", () => {
    const error = new Error("a", { cause: undefined });
    error.cause = new Error("b", { cause: error });
    expect(difference(pair.roundTrip(error), error)).toBeUndefined();
  });
});

describe("an error of Connector's own on its way", () => {
  it("keeps class, code, details and cause", () => {
    const error = failure("CNR_ERR_TIMEOUT", { what: "get", timeoutMs: 5 }, new TypeError("why"));
    const got = pair.roundTrip(error);
    expect(got).toBeInstanceOf(TimeoutError);
    expect(ConnectorError.is(got)).toBe(true);
    expect(difference(got, error)).toBeUndefined();
    expect([got.code, got.retryable, got.details]).toEqual([
      "CNR_ERR_TIMEOUT",
      true,
      { what: "get", timeoutMs: 5 },
    ]);
  });

  it("may lead back to itself", () => {
    const cause: { error?: ConnectorError } = {};
    cause.error = failure("CNR_ERR_CANCELLED", { what: "it" }, cause);
    const got = pair.roundTrip(cause.error);
    expect((got.cause as typeof cause).error).toBe(got);
    expect(difference(got, cause.error)).toBeUndefined();
  });

  it("does not become ours by an unknown code, and never by what it says of itself", () => {
    const error = failure("CNR_ERR_TIMEOUT", { what: "get" });
    Object.assign(error, { code: "CNR_ERR_INVENTED" });
    expect(pair.roundTrip(error)).not.toBeInstanceOf(TimeoutError);
    const lying = Object.assign(failure("CNR_ERR_CLOSED", { by: "me" }), { retryable: "yes", details: 5 });
    const got = pair.roundTrip(lying as ConnectorError);
    expect([got.retryable, got.details]).toEqual([false, {}]);
  });
});
