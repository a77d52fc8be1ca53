/** What has become of a session so far. */
export interface SessionStats {
  /** Bytes given to the network, those that were sent again included. */
  readonly bytesSent: number;
  /** Bytes that came. */
  readonly bytesReceived: number;
  /** Frames with messages, each counted once: a frame has the messages of one turn, or a part of a long one. */
  readonly framesSent: number;
  readonly framesReceived: number;
  /**
   * The newest measured time to the other side and back, in milliseconds. A client has one from its handshake on; a server
   * undefined until it has asked a link that was idle for a sign of life.
   */
  readonly roundTripMs: number | undefined;
  /** Bytes that the network has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes that the other side has not acknowledged yet: they are kept, and sent again after a link was lost. */
  readonly unacknowledgedBytes: number;
  /** How often a new link has taken over. */
  readonly resumes: number;
}
