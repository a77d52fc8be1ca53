/** Every quantity that a stranger controls. docs/LIMITS.md says the same in a table, and a test holds the two together. */
export interface Limits {
  /** Largest encoded value of one message, call, item or variable. */
  readonly maxValueBytes: number;
  /** Largest frame accepted from the other side; longer values travel in several. */
  readonly maxFrameBytes: number;
  /** Levels of nesting inside one value. */
  readonly maxDepth: number;
  /** Pipes and streams open at once on one link. */
  readonly maxChannels: number;
  /** Bytes of one pipe or stream that may be on the way or unread. */
  readonly channelWindowBytes: number;
  /** Bulk channels (files) that each side may have open at once on one link; as many windows of bytes may be unread there. */
  readonly maxBulkChannels: number;
  /** Bytes of one bulk channel that may be on the way or unread. */
  readonly bulkWindowBytes: number;
  /** Calls of one link that run or wait for their answer at once. */
  readonly maxPendingCalls: number;
  /** Functions of one side that the other side of a link may hold, and as many signals in arguments of running calls. */
  readonly maxReferences: number;
  /** Items a queue holds before `put` waits. */
  readonly maxQueueItems: number;
  /** Links that have not finished their handshake. */
  readonly maxPendingHandshakes: number;
  /** Of those, links from one address; loopback, which all programs of a machine share, is bounded by the total alone. */
  readonly maxHandshakesPerAddress: number;
  /** Time from accepting a link until its key is proved. */
  readonly maxHandshakeMs: number;
  /** Bytes taken from a link before its key is proved. */
  readonly maxHandshakeBytes: number;
  /** Failed handshakes of one address within ten seconds, before it is no longer listened to for a while. */
  readonly maxFailuresPerAddress: number;
  /** Bytes that one link may have waiting to be written before the sender must wait. */
  readonly maxUnsentBytes: number;
  /** Bytes that one session keeps, because the other side has not acknowledged them, before the sender must wait. */
  readonly maxReplayBytes: number;
  /** The same for all clients of a server together. */
  readonly maxServerReplayBytes: number;
  /** Clients of a server that lost their link and are waited for. */
  readonly maxAbsentClients: number;
  /** How long a session without a link waits for a new one, in milliseconds. */
  readonly resumeWindowMs: number;
}

export const DEFAULT_LIMITS: Readonly<Limits> = {
  maxValueBytes: 64 * 1024 * 1024, // a photo or a table, not a film: those go as files, which stream
  maxFrameBytes: 1024 * 1024, // the sender cuts at 256 KiB: what is longer than this is no Connector
  maxDepth: 200, // a decoder that recurses must not meet 100,000 brackets
  maxChannels: 1024,
  channelWindowBytes: 1024 * 1024, // a round trip of 1 ms still carries 1 GB/s
  maxBulkChannels: 64, // with their windows 64 MiB, as one value may have
  bulkWindowBytes: 1024 * 1024, // measured: more does not go faster on one machine, 4 MiB already makes calls wait
  maxPendingCalls: 65_536,
  maxReferences: 10_000, // "grows for ever" is the first leak of every callback protocol
  maxQueueItems: 100_000,
  maxPendingHandshakes: 256,
  maxHandshakesPerAddress: 32,
  maxHandshakeMs: 5000, // a handshake takes milliseconds, over a bad network a second
  maxHandshakeBytes: 4096, // a ClientHello with a post-quantum key share has 1500
  maxFailuresPerAddress: 10, // an attempt costs 0.7 ms of the server's processor: 1400 in a second would take it all
  maxUnsentBytes: 16 * 1024 * 1024, // a reader that stands still costs the writer this much, not more
  maxReplayBytes: 16 * 1024 * 1024, // a second of a fast network, so that nobody waits for acknowledgements there
  maxServerReplayBytes: 256 * 1024 * 1024, // clients that vanish all at once must not take the server's memory
  maxAbsentClients: 10_000, // all of a large server may lose their links at once; who connects and vanishes again and again leaves a session each time
  resumeWindowMs: 60_000, // a train in a tunnel, a router that restarts
};

/** The defaults with the given values in their place; a value that is no positive whole number is refused. */
export function withLimits(given: Partial<Limits> = {}): Readonly<Limits> {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new RangeError(`there is no limit called ${name}`);
    if (!Number.isSafeInteger(value) || value <= 0) {
      throw new RangeError(`limits.${name} must be a positive whole number, got ${String(value)}`);
    }
  }
  return Object.freeze({ ...DEFAULT_LIMITS, ...given });
}
