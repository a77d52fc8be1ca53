import { MAX_COUNT, setCount, writeCount } from "../protocol/queue-messages.ts";
import type { Session } from "../session/session.ts";

/** "So many, from this one": as long as the message is the newest of its turn, one more only raises its count. */
export class CountedMessage {
  readonly #session: Session;
  readonly #type: number;
  /** Where the newest message ends, and how many frames had been sent before it. */
  #end = 0;
  #sentFrames = -1;
  #count = 0;

  constructor(session: Session, type: number) {
    this.#session = session;
    this.#type = type;
  }

  /** @param continues - whether this is what a raised count of the newest message would say */
  send(first: number, continues: boolean): void {
    const session = this.#session;
    const writer = session.begin(this.#type);
    const { sentFrames } = session;
    // Nothing has left since, and nothing else has been written behind it: all else moves one of the two.
    const isNewest = sentFrames === this.#sentFrames && writer.position === this.#end + 1;
    if (continues && isNewest && this.#count < MAX_COUNT) {
      session.drop();
      setCount(writer, this.#end, ++this.#count);
      return;
    }
    writer.uint(first);
    writeCount(writer, 1);
    this.#sentFrames = sentFrames;
    this.#end = writer.position;
    this.#count = 1;
    session.commit();
  }
}
