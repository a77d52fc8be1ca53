import { Waiter, type WaitOptions } from "../core/waiting.ts";

const NOTHING = new Uint8Array(0);

/** Bytes that wait until they may be sent. Given up, it lets go of them, though it may stand in its line for long. */
export class WaitingBytes extends Waiter<void> {
  bytes: Uint8Array;

  constructor(bytes: Uint8Array, what: string, options: WaitOptions | undefined, onGivenUp: () => void) {
    super(what, options, () => {
      this.bytes = NOTHING;
      onGivenUp();
    });
    this.bytes = bytes;
  }
}
