import { malformed } from "../core/byte-reader.ts";
import { ChunkList } from "../core/chunk-list.ts";
import { failure } from "../core/errors.ts";

/** What may be half-way in: the largest value, and the rest of the turn it came in. */
const SLACK_BYTES = 4 * 1024 * 1024;
/** A piece that is less of the read it came in is copied: it would hold all of that. */
const MIN_SHARE = 1 / 4;

/** Puts together what did not fit into one frame: fragments of a message, and the raw bytes beside it. */
export class Inbox {
  readonly #maxBytes: number;
  readonly #fragments = new ChunkList();
  readonly #raw = new ChunkList();
  /** Bytes of the raw frame that has come in part. */
  #partialBytes = 0;
  /** All bytes of attachments handed out: what a message took is the difference. */
  takenBytes = 0;

  constructor(maxValueBytes: number) {
    this.#maxBytes = maxValueBytes + SLACK_BYTES;
  }

  addFragment(fragment: Uint8Array): void {
    this.#check(this.#fragments.bytes + fragment.length);
    this.#fragments.push(fragment.slice());
  }

  addRaw(piece: Uint8Array, isLast: boolean): void {
    this.#check(this.#raw.bytes + piece.length);
    this.#raw.push(piece.length < piece.buffer.byteLength * MIN_SHARE ? piece.slice() : piece);
    this.#partialBytes = isLast ? 0 : this.#partialBytes + piece.length;
  }

  /** The link was lost: a raw frame of which only pieces came will come again, whole. */
  dropPartial(): void {
    this.#raw.drop(this.#partialBytes);
    this.#partialBytes = 0;
  }

  get hasFragments(): boolean {
    return this.#fragments.bytes > 0;
  }

  /** The whole message that ends with `last`. */
  joinFragments(last: Uint8Array): Uint8Array {
    this.#fragments.push(last);
    return this.#fragments.take(this.#fragments.bytes);
  }

  /** The next attachment: the received bytes themselves where they came in one piece, else put together, once. */
  readonly takeAttachment = (length: number): Uint8Array => {
    if (length > this.#raw.bytes) throw malformed("it names bytes that were not sent beside it");
    this.takenBytes += length;
    return this.#raw.take(length);
  };

  #check(bytes: number): void {
    if (bytes <= this.#maxBytes) return;
    throw failure("CNR_ERR_PROTOCOL", { reason: `a message of more than ${this.#maxBytes} bytes` });
  }
}
