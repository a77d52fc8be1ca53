import type { ByteWriter } from "../core/byte-writer.ts";
import { MAX_COUNT, setCount, writeCount } from "../protocol/queue-messages.ts";
import type { Session } from "../session/session.ts";

/** "So many, from this one": as long as the message is the newest of its turn, one more only raises its count. */
export class CountedMessage {
  readonly #session: Session;
  readonly #type: number;
  #writer: ByteWriter | undefined;
  #end = 0;
  #count = 0;

  constructor(session: Session, type: number) {
    this.#session = session;
    this.#type = type;
  }

  /** @param continues - whether this is what a raised count of the newest message would say */
  send(first: number, continues: boolean): void {
    const session = this.#session;
    const writer = session.begin(this.#type);
    // A writer serves one turn: if it is the same and stands where the message ended, nothing has been sent since.
    if (
      continues &&
      writer === this.#writer &&
      writer.position === this.#end + 1 &&
      this.#count < MAX_COUNT
    ) {
      session.drop();
      setCount(writer, this.#end, ++this.#count);
      return;
    }
    writer.uint(first);
    writeCount(writer, 1);
    this.#writer = writer;
    this.#end = writer.position;
    this.#count = 1;
    session.commit();
  }
}
