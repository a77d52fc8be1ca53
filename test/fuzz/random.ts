/** Random numbers that a seed repeats: a failure prints its seed, and FUZZ_SEED runs it again. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number = Number(process.env["FUZZ_SEED"]) || Math.floor(Math.random() * 2 ** 31) + 1) {
    this.seed = seed;
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(length).map(() => this.below(256));
  }

  /** The same bytes, a little wrong: flipped, cut, doubled, with lengths that lie. */
  mutate(bytes: Uint8Array): Uint8Array {
    let mutated = bytes.slice();
    for (let left = 1 + this.below(4); left > 0 && mutated.length > 0; left--) {
      const at = this.below(mutated.length);
      switch (this.below(6)) {
        case 0:
          mutated[at] = this.below(256);
          break;
        case 1:
          mutated[at] = this.pick([0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xc1, 0xc6, 0xdb, 0xdd, 0xdf, 0xff]);
          break;
        case 2:
          mutated = mutated.slice(0, at);
          break;
        case 3:
          mutated = Uint8Array.from([
            ...mutated.subarray(0, at),
            ...this.bytes(this.below(9)),
            ...mutated.subarray(at),
          ]);
          break;
        case 4:
          mutated = Uint8Array.from([
            ...mutated.subarray(0, at),
            ...mutated.subarray(this.below(mutated.length)),
          ]);
          break;
        default:
          mutated.set([0xff, 0xff, 0xff, 0xff].slice(0, mutated.length - at), at);
      }
    }
    return mutated;
  }

  /** The bytes in chunks of random sizes. */
  *split(bytes: Uint8Array): Generator<Uint8Array> {
    const most = this.pick([1, 9, 100, 70_000]);
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + this.below(most);
      yield bytes.slice(at, end);
      at = end;
    }
  }
}

/** Runs one case after another; a failure says which, and with which seed it comes again. */
export async function fuzz(count: number, one: (random: Random) => void | Promise<void>): Promise<void> {
  const random = new Random();
  for (let n = 0; n < count; n++) {
    try {
      await one(random);
    } catch (error) {
      throw new Error(`case ${n} of FUZZ_SEED=${random.seed}: ${String(error)}`, { cause: error });
    }
  }
}
