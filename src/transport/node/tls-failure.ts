import { ConnectorError, failure } from "../../core/errors.ts";

const OLD_TLS = "in a TLS older than 1.3";
const NO_TLS = "in plain text, not in TLS";

/**
 * What a failed handshake means to the side that dialled. OpenSSL's names differ from version to version of Node, so
 * what counts is which alert the server sent.
 *
 * @param keyId - the key that was offered
 */
export function dialledFailure(error: NodeJS.ErrnoException, address: string, keyId: string): ConnectorError {
  if (ConnectorError.is(error)) return error;
  const code = error.code ?? "";
  if (/ALERT_(DECRYPT_ERROR|ILLEGAL_PARAMETER)$/.test(code))
    return failure("CNR_ERR_WRONG_KEY", { address, id: keyId }, error);
  if (/ALERT_HANDSHAKE_FAILURE$/.test(code))
    return failure("CNR_ERR_UNKNOWN_KEY", { address, id: keyId }, error);
  if (/ALERT_ACCESS_DENIED$/.test(code)) return failure("CNR_ERR_KEYLESS", { address }, error);
  if (/^ERR_SSL_/.test(code)) return strange(error, code, address);
  if (isLoss(code)) {
    const reason = "it ended the link before it had proved its key";
    return failure("CNR_ERR_HANDSHAKE_REFUSED", { reason, address }, error);
  }
  // What remains is a judgement on a certificate. No certificate stands for a key, whoever has signed it.
  return certificateInstead(address, error);
}

/** The answer to every certificate, also to a good one. */
export function certificateInstead(address: string, ...cause: [cause?: unknown]): ConnectorError {
  return failure("CNR_ERR_NO_KEY_PROOF", { address, found: "shows a certificate instead" }, ...cause);
}

/**
 * What a failed handshake means to the side that accepted.
 *
 * @param offered - the id of the key that the other side came with, if it came with one
 */
export function acceptedFailure(
  error: NodeJS.ErrnoException,
  address: string,
  offered: string | undefined,
): ConnectorError {
  const code = error.code ?? "";
  if (/BINDER_DOES_NOT_VERIFY$/.test(code))
    return failure("CNR_ERR_WRONG_KEY", { address, id: offered }, error);
  if (code === "ERR_TLS_HANDSHAKE_TIMEOUT" || isLoss(code)) return lostBeforeProof(error);
  if (/NO_SUITABLE_SIGNATURE_ALGORITHM$|NO_SHARED_CIPHER$/.test(code)) {
    if (offered !== undefined) return failure("CNR_ERR_UNKNOWN_KEY", { address, id: offered }, error);
    return failure("CNR_ERR_NO_KEY_PROOF", { address, found: "speaks TLS and offers no key" }, error);
  }
  return strange(error, code, address);
}

export function lostBeforeProof(...cause: [cause?: unknown]): ConnectorError {
  return failure("CNR_ERR_LINK_LOST", { reason: "it ended before its key was proved" }, ...cause);
}

export function otherProtocol(address: string, theirs: string, ...cause: [cause?: unknown]): ConnectorError {
  return failure("CNR_ERR_VERSION", { address, theirs, ours: "connector/1" }, ...cause);
}

function strange(error: Error, code: string, address: string): ConnectorError {
  if (/NO_APPLICATION_PROTOCOL$/.test(code)) return otherProtocol(address, "another", error);
  const isOld = /PROTOCOL_VERSION$|UNSUPPORTED_PROTOCOL$/.test(code);
  return failure("CNR_ERR_NOT_CONNECTOR", { address, answer: isOld ? OLD_TLS : NO_TLS }, error);
}

function isLoss(code: string): boolean {
  return /^(ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|EHOSTUNREACH|ENETUNREACH|ENETDOWN)$/.test(code);
}
