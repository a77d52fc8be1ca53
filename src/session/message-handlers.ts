import type { ByteReader } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";

/** Reads the fields of one message; what it reads is valid until it returns. */
export type MessageHandler = (reader: ByteReader, type: number) => void;

/** Message types are smaller than this. */
const MESSAGE_TYPES = 64;

/** Who reads which messages of a session. */
export class MessageHandlers {
  /** By type; few types, so that a session nobody uses stays small. */
  readonly #handlers: (MessageHandler | undefined)[] = new Array<MessageHandler | undefined>(MESSAGE_TYPES);

  set(handlers: Readonly<Record<number, MessageHandler>>): void {
    for (const [type, handler] of Object.entries(handlers)) this.#handlers[Number(type)] = handler;
  }

  /** @param make - sets the handlers of these types, when the first of their messages comes */
  setLater(types: readonly number[], make: () => void): void {
    const first: MessageHandler = (reader, type) => {
      make();
      this.#handlers[type]?.(reader, type);
    };
    for (const type of types) this.#handlers[type] = first;
  }

  /** Reads one message. Throws `CNR_ERR_PROTOCOL` for a type that nobody has set. */
  dispatch(reader: ByteReader): void {
    const type = reader.byte();
    const handler = this.#handlers[type];
    if (!handler) throw failure("CNR_ERR_PROTOCOL", { reason: `a message of unknown type ${type}` });
    handler(reader, type);
  }
}
