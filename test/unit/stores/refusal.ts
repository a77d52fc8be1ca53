import { ConnectorError } from "../../../src/core/errors.ts";

/** The code of Connector's own failure, or undefined; any other end of a decoder is a fault, and thrown. */
export function refusalOf(decode: () => unknown): string | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (ConnectorError.is(error)) return error.code;
    throw error;
  }
}
