import type { BulkMux } from "../../../src/session/bulk-mux.ts";
import type { BulkReceiver } from "../../../src/session/bulk-receiver.ts";
import type { Session } from "../../../src/session/session.ts";

/** What the tests' channels are for. */
export const TEST_BULK = 9;

/** Bytes that tell their place: a piece that is lost, repeated or moved is seen. */
export function patterned(length: number, from = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let n = 0; n < length; n++) {
    const at = from + n;
    bytes[n] = (at ^ (at >>> 8) ^ (at >>> 16) ^ (at * 31)) & 255;
  }
  return bytes;
}

/** The receivers of the channels that the other side opens, in order. */
export function acceptedBy(session: Session): BulkReceiver[] {
  const receivers: BulkReceiver[] = [];
  session.beforeBulk = (bulk: BulkMux) => bulk.accept(TEST_BULK, (receiver) => void receivers.push(receiver));
  return receivers;
}

/** All bytes until the end. */
export async function readAll(receiver: BulkReceiver): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of receiver) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}
