import type { Random } from "./random.ts";

/** A side of a link that may be closed by the other. */
export interface Speaker {
  readonly isClosed: boolean;
  write(bytes: Uint8Array): void;
}

/** Says frames, right and nearly right, in pieces of any size. */
export async function babble(random: Random, frames: readonly Uint8Array[], speaker: Speaker): Promise<void> {
  for (let n = 0; n < 12 && !speaker.isClosed; n++) {
    const frame = random.pick(frames);
    const bytes = random.below(2) === 0 ? random.mutate(frame) : frame;
    for (const chunk of random.split(bytes)) speaker.write(chunk);
    if (random.below(4) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
