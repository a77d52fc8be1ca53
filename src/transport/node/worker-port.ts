import { MessageChannel, type MessagePort, threadId, type Worker } from "node:worker_threads";
import { failure } from "../../core/errors.ts";
import { Waiter, type WaitOptions } from "../../core/waiting.ts";
import { addressOf } from "../address.ts";
import { nextLinkNumber } from "../link-number.ts";
import type { Address, Link } from "../transport.ts";
import { WorkerLink } from "./worker-link.ts";

/** Threads have no network addresses: they are `thread:0`, `thread:1`..., and a client's side is the link's number. */
const HOST = "thread";
/** Tells a link's opening from all else that goes over a program's own ports. */
const OPENING = "connector/1";

interface Opening {
  readonly [OPENING]: MessagePort;
}

/** The server's answer: what both sides call the link's ends. */
interface Answer {
  readonly server: number;
  readonly client: number;
}

/** Where links from another thread come in: a port, or the worker itself, whose messages are those of its `parentPort`. */
export type PortOrWorker = Pick<Worker | MessagePort, "on" | "off" | "once">;

/**
 * Takes links that another thread dials over a port. Other messages on the port are none of its business.
 *
 * @param onEnd - the other thread has ended, or has closed the port: no link can come any more. Those that were taken may
 *   still have something to read
 * @returns takes no more; links that were taken live on
 */
export function listenOnPort(
  port: PortOrWorker,
  onLink: (link: Link) => void,
  onEnd: () => void = () => {},
): Disposable {
  const listener = (message: unknown): void => {
    if (!isOpening(message)) return;
    const own = message[OPENING];
    const answer: Answer = { server: threadId, client: nextLinkNumber() };
    own.postMessage(answer);
    const { server, client } = endsOf(answer);
    onLink(new WorkerLink(own, { localAddress: server, remoteAddress: client }));
  };
  // A worker has an exit, a port a close; neither has both.
  port.on("message", listener).once("exit", onEnd).once("close", onEnd);
  return {
    [Symbol.dispose]: () => void port.off("message", listener).off("exit", onEnd).off("close", onEnd),
  };
}

/** Ports over which somebody dials, and which of them have ended. */
const hasEnded = new WeakMap<MessagePort, boolean>();

/**
 * Dials the thread at the other end of a port, in a worker that of its `parentPort`. The port stays free for other uses: the
 * link has a channel of its own, which goes through it once.
 *
 * Rejects with `CNR_ERR_LINK_LOST` when the other thread ends before it answers, with `CNR_ERR_CLOSED` when the port ended
 * since it was first dialled over, and as `options` say. While nobody listens at the other end it waits.
 */
export function dialPort(port: MessagePort, options?: WaitOptions): Promise<Link> {
  if (hasEnded.get(port)) return Promise.reject(failure("CNR_ERR_CLOSED", { by: "the other thread" }));
  if (!hasEnded.has(port)) port.once("close", () => hasEnded.set(port, true));
  hasEnded.set(port, false);
  const { port1: own, port2: theirs } = new MessageChannel();
  const waiter = new Waiter<Link>("connect over a message port", options, () => own.close());
  if (waiter.settled) {
    own.close();
    return waiter.promise;
  }
  own.once("close", () => {
    waiter.reject(failure("CNR_ERR_LINK_LOST", { reason: "the other thread ended before it answered" }));
  });
  own.once("message", (answer: Answer) => {
    const { server, client } = endsOf(answer);
    waiter.resolve(new WorkerLink(own, { localAddress: client, remoteAddress: server }));
  });
  const opening: Opening = { [OPENING]: theirs };
  port.postMessage(opening, [theirs]);
  return waiter.promise;
}

function endsOf({ server, client }: Answer): { readonly server: Address; readonly client: Address } {
  return { server: addressOf(HOST, server), client: addressOf(HOST, client) };
}

function isOpening(message: unknown): message is Opening {
  return typeof message === "object" && message !== null && OPENING in message;
}
