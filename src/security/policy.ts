import { type ConnectorError, failure } from "../core/errors.ts";

/** What the other side of a link may do here. */
export interface Grants {
  /** Shared dicts, queues and pipes. */
  readonly data: boolean;
  /** Functions exposed by name. */
  readonly call: boolean;
  /** `eval`, `exec`, `call`, globals by name, and functions inside values. */
  readonly code: boolean;
  /** Shell commands. */
  readonly system: boolean;
  /** Files and folders. */
  readonly files: boolean;
}

export type GrantName = keyof Grants;

/** What the holder of the main key may do, like one who may log in. */
export const ALL_GRANTS: Grants = { data: true, call: true, code: true, system: true, files: true };
const NO_GRANTS: Grants = { data: false, call: false, code: false, system: false, files: false };
/** Without a key nobody knows who is there: nothing that runs code, directly or by what a file may hold. */
const KEYLESS_GRANTS: Grants = { ...NO_GRANTS, data: true, call: true };

/**
 * What the option `allow` grants: all but what it denies; without a key, no more than `data` and `call`.
 *
 * Throws a `TypeError` for what is no grant, and for one that needs a key.
 */
export function generalGrants(allow: Partial<Grants> = {}, isKeyless = false): Grants {
  checkGrants(allow, "allow");
  const grants = { ...(isKeyless ? KEYLESS_GRANTS : ALL_GRANTS), ...given(allow) };
  for (const name of Object.keys(KEYLESS_GRANTS) as GrantName[]) {
    if (isKeyless && grants[name] && !KEYLESS_GRANTS[name]) {
      throw new TypeError(
        `allow.${name} cannot be given with \`key: false\`: whoever connects would have it`,
      );
    }
  }
  return grants;
}

/** What a named key grants: only what its own `allow` names, and never more than the option `allow` does. */
export function namedGrants(allow: Partial<Grants> = {}, general: Grants = ALL_GRANTS): Grants {
  checkGrants(allow, "the `allow` of a key");
  const named = { ...NO_GRANTS, ...given(allow) };
  return {
    data: named.data && general.data,
    call: named.call && general.call,
    code: named.code && general.code,
    system: named.system && general.system,
    files: named.files && general.files,
  };
}

/**
 * Throws `PermissionError` `CNR_ERR_NOT_ALLOWED` where a grant is missing.
 *
 * @param what - what needs it, for the error: "eval"
 */
export function requireGrant(grants: Grants, grant: GrantName, what: string): void {
  if (!grants[grant]) throw notAllowed(grant, what);
}

/** The error for a missing grant: it says what needs it, and how it is given. */
export function notAllowed(grant: GrantName, what: string): ConnectorError {
  return failure("CNR_ERR_NOT_ALLOWED", { grant, what });
}

function checkGrants(allow: Partial<Grants>, where: string): void {
  for (const [name, value] of Object.entries(allow)) {
    if (!Object.hasOwn(ALL_GRANTS, name)) {
      throw new TypeError(
        `${where}: there is no grant "${name}"; they are ${Object.keys(ALL_GRANTS).join(", ")}`,
      );
    }
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`${where}: "${name}" is either true or false`);
    }
  }
}

/** A grant that is undefined is as one that is left out: it must not replace a default. */
function given(allow: Partial<Grants>): Partial<Grants> {
  return Object.fromEntries(Object.entries(allow).filter(([, value]) => value !== undefined));
}
