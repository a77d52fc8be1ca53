import type { ValueEncoder } from "../codec/value-encoder.ts";
import type { DictWrite } from "../protocol/dict-messages.ts";

/** The way from a replica to its authority; operations arrive in order. */
export interface Uplink {
  /** Writes values as the authority, and all who read from it, take them. */
  readonly encoder: ValueEncoder;
  readonly maxValueBytes: number;
  /** Throws when the operation cannot be sent now. */
  write(write: DictWrite): void;
}
