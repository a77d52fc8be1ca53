import { failure } from "../core/errors.ts";
import type { Uplink } from "./uplink.ts";

/** Keys are data: they count against the limit of values, and must arrive as they are. */
export function checkNewKey(uplink: Uplink, key: string): void {
  checkSize(uplink, key.length);
  // UTF-8 cannot say half of a surrogate pair, so the server would know the key by another name.
  if (!(key as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw failure("CNR_ERR_UNSENDABLE", { path: "the key", reason: "it has half of a surrogate pair" });
  }
}

export function checkSize({ maxValueBytes: max }: Uplink, bytes: number): void {
  if (bytes > max) throw failure("CNR_ERR_VALUE_TOO_LARGE", { bytes, max, option: "maxValueBytes" });
}
