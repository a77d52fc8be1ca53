import { ValueDecoder } from "../codec/value-decoder.ts";
import { ValueEncoder } from "../codec/value-encoder.ts";

export interface CodecLimits {
  /** Of what is sent: the smaller of what the two sides take. */
  readonly maxDepth: number;
  readonly maxValueBytes: number;
  /** Of what comes. */
  readonly ownMaxDepth: number;
}

/** Encoders and decoders of a session, each made when it is first used: most sessions need few of them. */
export class SessionCodecs {
  readonly #limits: CodecLimits;
  #encoder: ValueEncoder | undefined;
  #decoder: ValueDecoder | undefined;
  #plainEncoder: ValueEncoder | undefined;
  #plainDecoder: ValueDecoder | undefined;

  constructor(limits: CodecLimits) {
    this.#limits = limits;
  }

  get encoder(): ValueEncoder {
    this.#encoder ??= new ValueEncoder({ ...this.#limits, shapes: true });
    return this.#encoder;
  }

  get decoder(): ValueDecoder {
    this.#decoder ??= new ValueDecoder({ maxDepth: this.#limits.ownMaxDepth, shapes: true });
    return this.#decoder;
  }

  get plainEncoder(): ValueEncoder {
    this.#plainEncoder ??= new ValueEncoder({ ...this.#limits, shapes: false });
    return this.#plainEncoder;
  }

  get plainDecoder(): ValueDecoder {
    this.#plainDecoder ??= new ValueDecoder({ maxDepth: this.#limits.ownMaxDepth, shapes: false });
    return this.#plainDecoder;
  }
}
