import { ConnectionError, ConnectorError, failure } from "../core/errors.ts";
import { notAllowed } from "../security/policy.ts";

/** A request failed because its link ended; `executed` says whether it may have been carried out all the same. */
export function lostRequest(reason: unknown, executed: "no" | "unknown"): unknown {
  if (!(reason instanceof ConnectionError)) return reason;
  return failure(reason.code, { ...reason.details, executed }, reason);
}

/** A get failed because its link ended: an orderly end closes the queues with it, so that workers' loops end. */
export function lostGet(queue: string, reason: unknown): unknown {
  const isOrderly = ConnectorError.is(reason) && reason.code === "CNR_ERR_CLOSED";
  return isOrderly ? failure("CNR_ERR_QUEUE_CLOSED", { queue }, reason) : reason;
}

export function deniedGet(queue: string): unknown {
  return notAllowed("data", queue === "" ? "getting from the queue" : `getting from queue "${queue}"`);
}

export function isQueueClosed(error: unknown): boolean {
  return ConnectorError.is(error) && error.code === "CNR_ERR_QUEUE_CLOSED";
}
