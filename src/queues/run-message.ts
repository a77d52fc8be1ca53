import type { Session } from "../session/session.ts";

/** Numbers that the other side is told of: one message for all that follow one another, when the time has come. */
export class RunMessage {
  readonly #session: Session;
  readonly #type: number;
  readonly #schedule: (task: () => void) => void;
  #first = 0;
  #count = 0;
  #isScheduled = false;
  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#write();
  };

  /** @param schedule - says when: it runs the task later, once for all numbers that are added until then */
  constructor(session: Session, type: number, schedule: (task: () => void) => void) {
    this.#session = session;
    this.#type = type;
    this.#schedule = schedule;
  }

  add(number: number): void {
    if (number !== this.#first + this.#count) this.#write();
    if (this.#count++ === 0) this.#first = number;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#run);
  }

  #write(): void {
    const count = this.#count;
    this.#count = 0;
    if (count === 0 || this.#session.ended) return;
    const writer = this.#session.begin(this.#type);
    writer.uint(this.#first);
    writer.uint(count);
    this.#session.commit();
  }
}
