import { malformed } from "../core/byte-reader.ts";
import { failure } from "../core/errors.ts";

/** What may be half-way in: the largest value, and the rest of the turn it came in. */
const SLACK_BYTES = 4 * 1024 * 1024;

/** Puts together what did not fit into one frame: fragments of a message, and the raw bytes beside it. */
export class Inbox {
  readonly #maxBytes: number;
  #fragments: Uint8Array[] = [];
  #fragmentBytes = 0;
  #raw: Uint8Array[] = [];
  #rawBytes = 0;
  /** All bytes of attachments handed out: what a message took is the difference. */
  takenBytes = 0;

  constructor(maxValueBytes: number) {
    this.#maxBytes = maxValueBytes + SLACK_BYTES;
  }

  addFragment(fragment: Uint8Array): void {
    this.#fragmentBytes += fragment.length;
    this.#check(this.#fragmentBytes);
    this.#fragments.push(fragment.slice());
  }

  addRaw(piece: Uint8Array): void {
    this.#rawBytes += piece.length;
    this.#check(this.#rawBytes);
    if (piece.length > 0) this.#raw.push(piece);
  }

  get hasFragments(): boolean {
    return this.#fragmentBytes > 0;
  }

  /** The whole message that ends with `last`. */
  joinFragments(last: Uint8Array): Uint8Array {
    const whole = join([...this.#fragments, last], this.#fragmentBytes + last.length);
    this.#fragments = [];
    this.#fragmentBytes = 0;
    return whole;
  }

  /** The next attachment: the received bytes themselves where they came in one piece, else put together, once. */
  readonly takeAttachment = (length: number): Uint8Array => {
    if (length > this.#rawBytes) throw malformed("it names bytes that were not sent beside it");
    this.#rawBytes -= length;
    this.takenBytes += length;
    const first = this.#raw[0];
    if (first?.length === length) {
      this.#raw.shift();
      return first;
    }
    const pieces: Uint8Array[] = [];
    for (let missing = length, used = 0; missing > 0; used++) {
      const piece = this.#raw[used] as Uint8Array;
      const isWhole = piece.length <= missing;
      pieces.push(isWhole ? piece : piece.subarray(0, missing));
      missing -= Math.min(piece.length, missing);
      if (missing === 0) this.#raw.splice(0, isWhole ? used + 1 : used);
      if (!isWhole) this.#raw[0] = piece.subarray((pieces.at(-1) as Uint8Array).length);
    }
    return join(pieces, length);
  };

  #check(bytes: number): void {
    if (bytes <= this.#maxBytes) return;
    throw failure("CNR_ERR_PROTOCOL", { reason: `a message of more than ${this.#maxBytes} bytes` });
  }
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
