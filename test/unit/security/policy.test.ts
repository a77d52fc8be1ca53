import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConnectorError, PermissionError } from "../../../src/core/errors.ts";
import {
  ALL_GRANTS,
  type GrantName,
  type Grants,
  generalGrants,
  namedGrants,
  requireGrant,
} from "../../../src/security/policy.ts";

const NAMES = ["data", "call", "code", "system", "files"] as const;
const partial: fc.Arbitrary<Partial<Grants>> = fc.record(
  Object.fromEntries(NAMES.map((name) => [name, fc.option(fc.boolean(), { nil: undefined })])) as Record<
    GrantName,
    fc.Arbitrary<boolean>
  >,
  { requiredKeys: [] },
);

describe("the option allow", () => {
  it("grants everything when it is left out", () => {
    expect(generalGrants()).toEqual({ data: true, call: true, code: true, system: true, files: true });
  });

  it("denies only what it says", () => {
    fc.assert(
      fc.property(partial, (allow) => {
        const grants = generalGrants(allow);
        for (const name of NAMES) expect(grants[name]).toBe(allow[name] ?? true);
      }),
    );
  });

  it("grants data and call without a key, and denies of these what it says", () => {
    expect(generalGrants({}, true)).toEqual({
      data: true,
      call: true,
      code: false,
      system: false,
      files: false,
    });
    expect(generalGrants({ call: false, code: false }, true)).toMatchObject({ data: true, call: false });
  });

  it.each(["code", "system", "files"] as const)("cannot grant %s without a key", (name) => {
    expect(() => generalGrants({ [name]: true }, true)).toThrow(TypeError);
    expect(() => generalGrants({ [name]: true }, true)).toThrow(`allow.${name}`);
  });

  it("takes no grant that there is not, and no other value than true and false", () => {
    expect(() => generalGrants({ eval: true } as Partial<Grants>)).toThrow(
      /"eval".*data, call, code, system, files/,
    );
    expect(() => generalGrants({ code: "no" } as unknown as Partial<Grants>)).toThrow(TypeError);
    expect(() => namedGrants({ Data: true } as Partial<Grants>)).toThrow(TypeError);
    expect(() => generalGrants({ constructor: true } as unknown as Partial<Grants>)).toThrow(TypeError);
  });
});

describe("the allow of a named key", () => {
  it("grants only what it says", () => {
    fc.assert(
      fc.property(partial, (allow) => {
        const grants = namedGrants(allow);
        for (const name of NAMES) expect(grants[name]).toBe(allow[name] ?? false);
      }),
    );
    expect(namedGrants()).toEqual({ data: false, call: false, code: false, system: false, files: false });
  });

  it("never grants what the option allow denies", () => {
    fc.assert(
      fc.property(partial, partial, (allow, general) => {
        const grants = namedGrants(allow, generalGrants(general));
        for (const name of NAMES)
          expect(grants[name]).toBe((allow[name] ?? false) && (general[name] ?? true));
      }),
    );
  });
});

describe("a missing grant", () => {
  it.each(NAMES)("is named: %s", (name) => {
    const grants = { ...ALL_GRANTS, [name]: false };
    let error: unknown;
    try {
      requireGrant(grants, name, "eval");
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PermissionError);
    expect(error).toMatchObject({ code: "CNR_ERR_NOT_ALLOWED", details: { grant: name, what: "eval" } });
    expect((error as ConnectorError).message).toContain(`eval needs the grant "${name}"`);
    expect((error as ConnectorError).message).toContain("`allow`");
    for (const other of NAMES) if (other !== name) requireGrant(grants, other, "eval");
  });
});
