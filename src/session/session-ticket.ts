import { randomBytes } from "../core/ids.ts";

const ID_BYTES = 16;

/**
 * What a client names its session by when it says HELLO. The id is a secret, for who names it gets the session: it is
 * shown to nobody but the server.
 */
export class SessionTicket {
  #id: Uint8Array = randomBytes(ID_BYTES);
  #attempts = 0;
  /** Whether the server has answered for it: until then it may know the session, and may not. */
  isWelcomed = false;
  /** Of the server that has answered for it. */
  epoch: Uint8Array | undefined;

  /** A HELLO's fields; each HELLO has a number of its own. */
  present(): { readonly sessionId: Uint8Array; readonly isFresh: boolean; readonly attempt: number } {
    return { sessionId: this.#id, isFresh: !this.isWelcomed, attempt: ++this.#attempts };
  }

  /** From here on it names another session, which no server knows yet. */
  renew(): void {
    this.#id = randomBytes(ID_BYTES);
    this.#attempts = 0;
    this.isWelcomed = false;
  }
}
