import type { ValueEncoder } from "../codec/value-encoder.ts";
import type { DictWrite } from "../protocol/dict-messages.ts";

/** The way from a replica to its authority; operations arrive in order. */
export interface Uplink {
  /** Writes values as the authority, and all who read from it, take them. */
  readonly encoder: ValueEncoder;
  readonly maxValueBytes: number;
  /** The bytes that the authority keeps for a key, where it is in this process. */
  readonly stored?: ((key: string) => Uint8Array | undefined) | undefined;
  /** Whether nothing comes just now, because the link is lost and another is looked for. */
  readonly isAbsent?: boolean;
  /** Throws when the operation cannot be sent now. */
  write(write: DictWrite): void;
}
